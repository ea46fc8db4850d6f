// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of common/uapi/ipcdev.h.  The number encodes the size of the struct,
 * which may grow: fields that only a newer program knows must be 0 on the way in,
 * and are 0 on the way out.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>

#include "node.h"

/* Is it this ioctl, with a struct of this size or a larger one? */
static bool ipcdev_ioctl_is(unsigned int command, unsigned int known)
{
	return _IOC_TYPE(command) == _IOC_TYPE(known) && _IOC_NR(command) == _IOC_NR(known) &&
	       _IOC_DIR(command) == _IOC_DIR(known) && _IOC_SIZE(command) >= _IOC_SIZE(known);
}

/* Copies in the program's struct, whose first field is its size. */
static int ipcdev_struct_from_user(void *known, size_t known_bytes, const void __user *from,
				   unsigned int command)
{
	int error = copy_struct_from_user(known, known_bytes, from, _IOC_SIZE(command));

	if (error)
		return error == -E2BIG ? -EINVAL : error;
	return *(u32 *)known == _IOC_SIZE(command) ? 0 : -EINVAL;
}

/* Copies out the answer, with zeros for fields that only the program knows. */
static int ipcdev_struct_to_user(void __user *to, const void *known, size_t known_bytes,
				 unsigned int command)
{
	if (copy_to_user(to, known, known_bytes))
		return -EFAULT;
	if (clear_user(to + known_bytes, _IOC_SIZE(command) - known_bytes))
		return -EFAULT;
	return 0;
}

static int ipcdev_ioctl_info(struct ipcdev_node *node, unsigned int command, void __user *user)
{
	const struct ipcdev_settings *settings = &node->device.settings;
	const struct ipcdev_gauges *gauges = &node->device.gauges;
	struct ipcdev_info info;
	int error = ipcdev_struct_from_user(&info, sizeof(info), user, command);

	if (error)
		return error;
	if (info.reserved)
		return -EINVAL;
	info.abi_version = IPCDEV_ABI_VERSION;
	info.server = IPCDEV_SERVER_MODULE;
	info.capabilities = IPCDEV_CAP_RESTART | IPCDEV_CAP_CHARDEV | IPCDEV_CAP_UNSPLIT |
			    IPCDEV_CAP_NOWAIT;
	ipcdev_lock(node);
	info.mode = settings->mode;
	info.depth = settings->depth;
	info.max_message = settings->max_message;
	info.queued_messages = gauges->queued_messages;
	info.queued_bytes = gauges->queued_bytes;
	info.parked_readers = gauges->parked_readers;
	info.parked_writers = gauges->parked_writers;
	info.opens = gauges->opens;
	info.begun_messages = gauges->begun_messages;
	info.generation = 0;
	spin_unlock(&node->device.lock);
	return ipcdev_struct_to_user(user, &info, sizeof(info), command);
}

static int ipcdev_ioctl_stats(struct ipcdev_node *node, unsigned int command, void __user *user)
{
	struct ipcdev_statistics now;
	struct ipcdev_stats stats;
	int error = ipcdev_struct_from_user(&stats, sizeof(stats), user, command);

	if (error)
		return error;
	if (stats.reserved)
		return -EINVAL;
	ipcdev_lock(node);
	now = node->device.statistics;
	spin_unlock(&node->device.lock);
	stats.messages_written = now.messages_written;
	stats.bytes_written = now.bytes_written;
	stats.messages_read = now.messages_read;
	stats.bytes_read = now.bytes_read;
	stats.messages_overwritten = now.messages_overwritten;
	stats.bytes_truncated = now.bytes_truncated;
	stats.messages_cleared = now.messages_cleared;
	stats.reader_parks = now.reader_parks;
	stats.writer_parks = now.writer_parks;
	stats.interrupted = now.interrupted;
	return ipcdev_struct_to_user(user, &stats, sizeof(stats), command);
}

/* In the caller's time namespace; 0 if the clock of that began later. */
static u64 ipcdev_since_of(const struct ipcdev_call *call)
{
	struct timespec64 since = ns_to_timespec64(call->since_ns);

	timens_add_monotonic(&since);
	return max_t(s64, timespec64_to_ns(&since), 0);
}

/* Adds the wanted entries of one list; counts in @total all that @asking may see. */
static void ipcdev_list_waiters(struct list_head *parked, const struct ipcdev_account *asking,
				struct ipcdev_waiters *waiters)
{
	struct ipcdev_request *request;

	list_for_each_entry(request, parked, hook) {
		const struct ipcdev_call *call = ipcdev_call_of(request);
		struct ipcdev_waiter *waiter;

		if (!asking->privileged && request->account != asking)
			continue;
		if (waiters->total++ < waiters->first || waiters->count == IPCDEV_WAITERS_PER_CALL)
			continue;
		waiter = &waiters->waiters[waiters->count++];
		waiter->pid = task_pid_vnr(call->task); /* 0 if the caller can't see it */
		waiter->operation = request->operation == IPCDEV_OP_READ ? IPCDEV_WAITER_READ :
									   IPCDEV_WAITER_WRITE;
		waiter->bytes = request->bytes;
		waiter->since_ns = ipcdev_since_of(call);
	}
}

static int ipcdev_ioctl_waiters(struct ipcdev_file *open, unsigned int command, void __user *user)
{
	struct ipcdev_node *node = open->node;
	struct ipcdev_waiters waiters;
	int error = ipcdev_struct_from_user(&waiters, sizeof(waiters), user, command);

	if (error)
		return error;
	waiters.count = 0;
	waiters.total = 0;
	memset(waiters.waiters, 0, sizeof(waiters.waiters));
	ipcdev_lock(node);
	ipcdev_list_waiters(&node->device.readers, open->account, &waiters);
	ipcdev_list_waiters(&node->device.writers, open->account, &waiters);
	spin_unlock(&node->device.lock);
	return ipcdev_struct_to_user(user, &waiters, sizeof(waiters), command);
}

static int ipcdev_ioctl_configure(struct ipcdev_node *node, unsigned int command,
				  const void __user *user)
{
	struct ipcdev_configure wanted;
	struct ipcdev_settings_change change;
	int error = ipcdev_struct_from_user(&wanted, sizeof(wanted), user, command);

	if (error)
		return error;
	if (memchr_inv(wanted.reserved, 0, sizeof(wanted.reserved)))
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	change.mode = wanted.mode;
	change.depth = wanted.depth;
	change.max_message = wanted.max_message;
	ipcdev_lock(node);
	error = ipcdev_device_configure(&node->device, &change);
	spin_unlock(&node->device.lock);
	return error;
}

static int ipcdev_ioctl_clear(struct ipcdev_node *node, const struct file *file)
{
	struct ipcdev_effects effects;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ipcdev_step_lock(node, &effects);
	ipcdev_device_clear(&node->device, &effects);
	ipcdev_step_unlock(node, &effects);
	return 0;
}

/* Is a call by this open parked? */
static bool ipcdev_calls(const struct ipcdev_device *device, const struct ipcdev_open *open)
{
	const struct ipcdev_request *request;

	if (!list_empty(&open->readers))
		return true;
	list_for_each_entry(request, &device->writers, hook) {
		if (request->open == open)
			return true;
	}
	return false;
}

static int ipcdev_ioctl_batch(struct ipcdev_node *node, struct ipcdev_file *open,
			      unsigned int command, const void __user *user)
{
	struct ipcdev_batch wanted;
	int error = ipcdev_struct_from_user(&wanted, sizeof(wanted), user, command);

	if (error)
		return error;
	if (wanted.on > 1)
		return -EINVAL;
	ipcdev_lock(node);
	if (ipcdev_calls(&node->device, &open->open))
		error = -EBUSY;
	else
		WRITE_ONCE(open->batch, wanted.on);
	spin_unlock(&node->device.lock);
	return error;
}

long ipcdev_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct ipcdev_node *node = ipcdev_file_of(file)->node;
	void __user *user = (void __user *)argument;

	if (ipcdev_ioctl_is(command, IPCDEV_IOC_INFO))
		return ipcdev_ioctl_info(node, command, user);
	if (ipcdev_ioctl_is(command, IPCDEV_IOC_STATS))
		return ipcdev_ioctl_stats(node, command, user);
	if (ipcdev_ioctl_is(command, IPCDEV_IOC_WAITERS))
		return ipcdev_ioctl_waiters(ipcdev_file_of(file), command, user);
	if (ipcdev_ioctl_is(command, IPCDEV_IOC_CONFIGURE))
		return ipcdev_ioctl_configure(node, command, user);
	if (command == IPCDEV_IOC_CLEAR)
		return ipcdev_ioctl_clear(node, file);
	if (ipcdev_ioctl_is(command, IPCDEV_IOC_BATCH))
		return ipcdev_ioctl_batch(node, ipcdev_file_of(file), command, user);
	return -ENOTTY;
}
