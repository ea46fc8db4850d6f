// SPDX-License-Identifier: GPL-2.0
/*
 * One call, from the program's buffer and back:
 *
 *   1. read_iter, write_iter   copy in; the request is on the caller's stack
 *   2. begin ... finish        one step of the device under its lock; whoever it
 *                              completes is woken, its own call perhaps among them
 *   3. sleep                   until somebody's finish completes the call, or a
 *                              signal comes
 *   4. read_iter               copy out, then a last step: copy_done or put_back
 *
 * User memory is copied with no lock held: a page fault may sleep.
 *
 * Who wakes, and who returns (the interleaving that can't happen is a lost wake-up):
 *
 *   sleeper                              waker, holds device.lock
 *   state = TASK_INTERRUPTIBLE           request completed and off all lists
 *   done?  no: schedule()                done = true (release)
 *          yes: return, the stack goes   wake_up_process(task), by RCU still a task
 *
 * The waker reads call->task before it sets done, since the call may be gone after
 * that.  A sleeper that gets a signal takes the lock: then its call is either still
 * parked, and cancelled, or done.
 */
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "node.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* A message and its bytes, charged to the writer's memory control group. */
struct ipcdev_buffer {
	struct ipcdev_message message;
	u8 bytes[];
};

static struct ipcdev_buffer *ipcdev_buffer_of(struct ipcdev_message *message)
{
	return container_of(message, struct ipcdev_buffer, message);
}

static struct ipcdev_buffer *ipcdev_buffer_alloc(size_t bytes)
{
	struct ipcdev_buffer *buffer;

	buffer = kvmalloc(struct_size(buffer, bytes, bytes), GFP_KERNEL_ACCOUNT);
	if (buffer)
		ipcdev_message_init(&buffer->message, bytes);
	return buffer;
}

static void ipcdev_buffer_free(struct ipcdev_buffer *buffer)
{
	kvfree(buffer);
}

/* Hands its result to every call that is completed, and wakes who sleeps in it. */
static void ipcdev_answer(struct ipcdev_node *node, struct ipcdev_effects *effects)
{
	struct ipcdev_request *request, *next;

	lockdep_assert_held(&node->device.lock);
	rcu_read_lock(); /* the tasks stay valid after their calls are done */
	list_for_each_entry_safe(request, next, &effects->completed, hook) {
		struct ipcdev_call *call = ipcdev_call_of(request);
		struct task_struct *task = call->task;

		list_del_init(&request->hook);
		if (task == current) {
			call->done = true;
			continue;
		}
		trace_ipcdev_complete(node->dev.devt, request->operation, task_pid_nr(task),
				      request->done, request->error);
		smp_store_release(&call->done, true); /* pairs with ipcdev_sleep() */
		wake_up_process(task);
	}
	rcu_read_unlock();
}

static void ipcdev_wake_pollers(struct ipcdev_node *node, const struct ipcdev_effects *effects)
{
	if (!effects->became_readable && !effects->became_writable)
		return;
	if (!wq_has_sleeper(&node->pollers))
		return;
	if (effects->became_readable)
		wake_up_interruptible_poll(&node->pollers, EPOLLIN | EPOLLRDNORM);
	if (effects->became_writable)
		wake_up_interruptible_poll(&node->pollers, EPOLLOUT | EPOLLWRNORM);
}

static void ipcdev_free(struct ipcdev_effects *effects)
{
	struct ipcdev_message *message, *next_message;
	struct ipcdev_piece *piece, *next_piece;

	list_for_each_entry_safe(message, next_message, &effects->retired, hook)
		ipcdev_buffer_free(ipcdev_buffer_of(message));
	list_for_each_entry_safe(piece, next_piece, &effects->returned, hook)
		kfree(piece);
}

/**
 * ipcdev_begin() - lock the device for one step
 * @node:	whose device
 * @effects:	set to nothing, to be filled by the step
 */
void ipcdev_begin(struct ipcdev_node *node, struct ipcdev_effects *effects)
	__acquires(&node->device.lock)
{
	ipcdev_effects_init(effects);
	spin_lock(&node->device.lock);
}

/**
 * ipcdev_finish() - end a step: unlock, and act on what it made true
 * @node:	whose device
 * @effects:	of the step; used up
 */
void ipcdev_finish(struct ipcdev_node *node, struct ipcdev_effects *effects)
	__releases(&node->device.lock)
{
	ipcdev_answer(node, effects);
	spin_unlock(&node->device.lock);
	ipcdev_wake_pollers(node, effects);
	ipcdev_free(effects);
}

static void ipcdev_call_init(struct ipcdev_call *call, const struct kiocb *iocb, u64 bytes,
			     struct ipcdev_message *message)
{
	memset(call, 0, sizeof(*call));
	INIT_LIST_HEAD(&call->request.hook);
	call->request.bytes = bytes;
	call->request.message = message;
	call->request.nonblocking = iocb->ki_filp->f_flags & O_NONBLOCK;
	call->task = current;
}

static void ipcdev_interrupt(struct ipcdev_node *node, struct ipcdev_call *call)
{
	struct ipcdev_effects effects;

	ipcdev_begin(node, &effects);
	if (ipcdev_cancel(&node->device, &call->request, -EINTR, &effects))
		trace_ipcdev_cancel(node->dev.devt, call->request.operation, call->request.bytes);
	ipcdev_finish(node, &effects);
}

/* Returns once the call is done: 0 or a negative errno. */
static int ipcdev_sleep(struct ipcdev_node *node, struct ipcdev_call *call)
{
	while (!smp_load_acquire(&call->done)) { /* pairs with ipcdev_answer() */
		set_current_state(TASK_INTERRUPTIBLE);
		if (smp_load_acquire(&call->done)) /* as above */
			break;
		if (signal_pending(current)) {
			__set_current_state(TASK_RUNNING);
			ipcdev_interrupt(node, call);
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return call->request.error == -EINTR ? -ERESTARTSYS : call->request.error;
}

typedef void ipcdev_submit(struct ipcdev_device *device, struct ipcdev_request *request,
			   struct ipcdev_effects *effects);

/* Submits the call, and returns once it is done: 0 or a negative errno. */
static int ipcdev_perform(struct ipcdev_node *node, struct ipcdev_call *call,
			  ipcdev_submit *submit)
{
	struct ipcdev_effects effects;

	ipcdev_begin(node, &effects);
	submit(&node->device, &call->request, &effects);
	if (call->request.state == IPCDEV_PARKED) {
		call->since_ns = ktime_get_ns();
		trace_ipcdev_park(node->dev.devt, call->request.operation, call->request.bytes);
	}
	ipcdev_finish(node, &effects);
	return ipcdev_sleep(node, call);
}

static ssize_t ipcdev_write_message(struct ipcdev_node *node, const struct kiocb *iocb,
				    struct iov_iter *from)
{
	size_t bytes = iov_iter_count(from);
	struct ipcdev_buffer *buffer;
	struct ipcdev_call call;
	ssize_t result;

	if (!bytes)
		return 0;
	if (bytes > IPCDEV_MESSAGE_MAX) /* the setting may be less: for the device to say */
		return -EMSGSIZE;
	buffer = ipcdev_buffer_alloc(bytes);
	if (!buffer)
		return -ENOMEM;
	if (!copy_from_iter_full(buffer->bytes, bytes, from)) {
		ipcdev_buffer_free(buffer);
		return -EFAULT;
	}
	ipcdev_call_init(&call, iocb, bytes, &buffer->message);
	result = ipcdev_perform(node, &call, ipcdev_submit_write);
	if (call.request.message) /* not admitted: still ours */
		ipcdev_buffer_free(buffer);
	return result ?: call.request.done;
}

static ssize_t ipcdev_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct ipcdev_node *node = iocb->ki_filp->private_data;
	size_t bytes = iov_iter_count(from);
	ssize_t result = ipcdev_write_message(node, iocb, from);

	trace_ipcdev_write(node->dev.devt, bytes, result);
	return result;
}

/* The last step of a read that got bytes: 0, or -EFAULT and they are put back. */
static int ipcdev_copy_out(struct ipcdev_node *node, struct ipcdev_request *request,
			   struct iov_iter *to)
{
	const struct ipcdev_buffer *buffer = ipcdev_buffer_of(request->taken.message);
	struct ipcdev_effects effects;
	struct ipcdev_piece *spare;

	if (copy_to_iter(buffer->bytes + request->taken.begin, request->done, to) ==
	    request->done) {
		ipcdev_begin(node, &effects);
		ipcdev_copy_done(&node->device, request, &effects);
		ipcdev_finish(node, &effects);
		return 0;
	}
	/* Must not fail: without it the bytes would be lost.  It is some 50 bytes. */
	spare = kzalloc(sizeof(*spare), GFP_KERNEL | __GFP_NOFAIL);
	INIT_LIST_HEAD(&spare->hook);
	ipcdev_begin(node, &effects);
	ipcdev_put_back(&node->device, request, spare, &effects);
	ipcdev_finish(node, &effects);
	return -EFAULT;
}

static ssize_t ipcdev_read_message(struct ipcdev_node *node, const struct kiocb *iocb,
				   struct iov_iter *to)
{
	struct ipcdev_call call;
	ssize_t result; /* signed and wide: done is neither */

	ipcdev_call_init(&call, iocb, iov_iter_count(to), NULL);
	result = ipcdev_perform(node, &call, ipcdev_submit_read);
	if (!result && call.request.done)
		result = ipcdev_copy_out(node, &call.request, to);
	return result ?: call.request.done;
}

static ssize_t ipcdev_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct ipcdev_node *node = iocb->ki_filp->private_data;
	size_t bytes = iov_iter_count(to);
	ssize_t result = ipcdev_read_message(node, iocb, to);

	trace_ipcdev_read(node->dev.devt, bytes, result);
	return result;
}

static __poll_t ipcdev_poll(struct file *file, poll_table *wait)
{
	struct ipcdev_node *node = file->private_data;
	struct ipcdev_poll_mask mask;

	poll_wait(file, &node->pollers, wait); /* first, or an edge could fall between */
	spin_lock(&node->device.lock);
	mask = ipcdev_poll_mask(&node->device);
	spin_unlock(&node->device.lock);
	return (mask.readable ? EPOLLIN | EPOLLRDNORM : 0) |
	       (mask.writable ? EPOLLOUT | EPOLLWRNORM : 0);
}

static int ipcdev_file_open(struct inode *inode, struct file *file)
{
	struct ipcdev_node *node = container_of(inode->i_cdev, struct ipcdev_node, cdev);

	file->private_data = node;
	spin_lock(&node->device.lock);
	ipcdev_open(&node->device);
	spin_unlock(&node->device.lock);
	return stream_open(inode, file);
}

static int ipcdev_file_release(struct inode *inode, struct file *file)
{
	struct ipcdev_node *node = file->private_data;

	spin_lock(&node->device.lock);
	ipcdev_release(&node->device);
	spin_unlock(&node->device.lock);
	return 0;
}

/* No llseek, mmap, fsync, splice: the VFS answers ESPIPE, ENODEV, EINVAL, EINVAL. */
const struct file_operations ipcdev_file_operations = {
	.owner = THIS_MODULE,
	.open = ipcdev_file_open,
	.release = ipcdev_file_release,
	.read_iter = ipcdev_read_iter,
	.write_iter = ipcdev_write_iter,
	.poll = ipcdev_poll,
	.unlocked_ioctl = ipcdev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
