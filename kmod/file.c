// SPDX-License-Identifier: GPL-2.0
/*
 * One call, from the program's buffer and back:
 *
 *   1. read, write   copy in; the call is on the task's stack
 *   2. perform       submits it, and sleeps until it is done: call.c
 *   3. read          copy out, then a last step: copy_done or put_back
 *
 * read(2) and write(2) pass an address, everything else (vectors, AIO, io_uring) an
 * iov_iter.  Without .read and .write the VFS would wrap the address in an iov_iter, which
 * costs a tenth of a small message; inlining each whole path (__flatten) saves as much
 * again.  Having both kinds means that the kernel itself can't read or write the file
 * (kernel_read()).
 *
 * IOCB_NOWAIT (RWF_NOWAIT, and io_uring's first attempt) is O_NONBLOCK for one call: it
 * doesn't park.  As with a pipe, it may still sleep for memory or in a page fault, which
 * needs no other process to end.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "buffer.h"
#include "node.h"

#include "trace.h"

static int ipcdev_copy_in(struct ipcdev_file *open, struct ipcdev_request *request,
			  struct ipcdev_memory *from)
{
	/* The device checks its own limit. */
	if (request->bytes > (request->batch ? IPCDEV_BATCH_BYTES_MAX : IPCDEV_MESSAGE_MAX))
		return -EMSGSIZE;
	return request->batch ? ipcdev_frames_from(open, from, request) :
				ipcdev_message_from(open, from, request);
}

/* For one byte or more. */
static ssize_t ipcdev_write_message(struct ipcdev_node *node, const struct file *file,
				    size_t bytes, struct ipcdev_memory *from, bool nowait)
{
	struct ipcdev_call call __uninitialized; /* ipcdev_call_init() sets it */
	ssize_t result; /* not int: ?: with a u32 would lose the sign */

	ipcdev_call_init(&call, file, bytes, nowait);
	result = ipcdev_copy_in(ipcdev_file_of(file), &call.request, from);
	if (!result)
		result = ipcdev_perform(node, &call, IPCDEV_OP_WRITE);
	if (unlikely(call.request.message)) /* not admitted: still ours */
		ipcdev_drop(node, call.request.message);
	return result ?: call.request.done;
}

static ssize_t ipcdev_write(const struct file *file, size_t bytes, struct ipcdev_memory *from,
			    bool nowait)
{
	struct ipcdev_node *node = ipcdev_file_of(file)->node;
	ssize_t result = bytes ? ipcdev_write_message(node, file, bytes, from, nowait) : 0;

	trace_ipcdev_write(node->dev.devt, bytes, result);
	return result;
}

static __flatten ssize_t ipcdev_file_write(struct file *file, const char __user *from,
					   size_t bytes, loff_t *position)
{
	struct ipcdev_memory memory = { .address = (void __user *)from };

	return ipcdev_write(file, bytes, &memory, false);
}

static ssize_t ipcdev_file_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct ipcdev_memory memory = { .iter = from };

	return ipcdev_write(iocb->ki_filp, iov_iter_count(from), &memory,
			    iocb->ki_flags & IOCB_NOWAIT);
}

/* The copy to the program's memory failed. */
static noinline void ipcdev_return_bytes(struct ipcdev_node *node, struct ipcdev_request *request)
{
	struct ipcdev_effects effects;
	struct ipcdev_piece *spare;

	/*
	 * Must not fail, or the bytes would be lost.  It is small, and allocated only here:
	 * preparing one would cost each read an allocation.
	 */
	spare = kzalloc(sizeof(*spare), GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	ipcdev_link_init(&spare->link);
	if (request->batch)
		ipcdev_chain_reverse(&request->pieces);
	ipcdev_step_lock(node, &effects);
	ipcdev_device_put_back(&node->device, request, spare, &effects);
	ipcdev_step_unlock(node, &effects);
}

/* The last steps of a batch read that got frames. */
static noinline __flatten int ipcdev_copy_frames_out(struct ipcdev_node *node,
						     struct ipcdev_request *request,
						     struct ipcdev_memory *to)
{
	int error = ipcdev_frames_to(to, request);

	if (error) {
		ipcdev_return_bytes(node, request);
		return error;
	}
	while (request->state == IPCDEV_COPYING) {
		struct ipcdev_effects effects;

		ipcdev_step_lock(node, &effects);
		ipcdev_device_copy_done(&node->device, request, &effects);
		ipcdev_step_unlock_retiring(node, &effects);
		cond_resched();
	}
	return 0;
}

/* The last step of a read that got bytes.  On -EFAULT they are put back. */
static int ipcdev_copy_out(struct ipcdev_node *node, struct ipcdev_request *request,
			   struct ipcdev_memory *to)
{
	struct ipcdev_effects effects __uninitialized; /* step_lock sets it */
	int error;

	if (request->batch)
		return ipcdev_copy_frames_out(node, request, to);
	error = ipcdev_bytes_to(to, request);
	if (unlikely(error)) {
		ipcdev_return_bytes(node, request);
		return error;
	}
	ipcdev_step_lock(node, &effects);
	ipcdev_device_copy_done(&node->device, request, &effects);
	ipcdev_step_unlock_retiring(node, &effects);
	return 0;
}

static ssize_t ipcdev_read(const struct file *file, size_t bytes, struct ipcdev_memory *to,
			   bool nowait)
{
	struct ipcdev_node *node = ipcdev_file_of(file)->node;
	struct ipcdev_call call __uninitialized; /* ipcdev_call_init() sets it */
	ssize_t result;

	ipcdev_call_init(&call, file, bytes, nowait);
	result = ipcdev_perform(node, &call, IPCDEV_OP_READ);
	if (likely(!result && call.request.done))
		result = ipcdev_copy_out(node, &call.request, to);
	result = result ?: call.request.done;
	trace_ipcdev_read(node->dev.devt, bytes, result);
	return result;
}

static __flatten ssize_t ipcdev_file_read(struct file *file, char __user *to, size_t bytes,
					  loff_t *position)
{
	struct ipcdev_memory memory = { .address = to };

	return ipcdev_read(file, bytes, &memory, false);
}

static ssize_t ipcdev_file_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct ipcdev_memory memory = { .iter = to };

	return ipcdev_read(iocb->ki_filp, iov_iter_count(to), &memory,
			   iocb->ki_flags & IOCB_NOWAIT);
}

static __poll_t ipcdev_poll(struct file *file, poll_table *wait)
{
	const struct ipcdev_file *open = ipcdev_file_of(file);
	struct ipcdev_node *node = open->node;
	struct ipcdev_poll_mask mask;

	poll_wait(file, &node->pollers, wait); /* first, or an edge could fall between */
	ipcdev_lock(node);
	mask = ipcdev_device_poll_mask(&node->device, &open->open);
	spin_unlock(&node->device.lock);
	return (mask.readable ? EPOLLIN | EPOLLRDNORM : 0) |
	       (mask.writable ? EPOLLOUT | EPOLLWRNORM : 0);
}

static int ipcdev_file_open(struct inode *inode, struct file *file)
{
	struct ipcdev_node *node = container_of(inode->i_cdev, struct ipcdev_node, cdev);
	struct ipcdev_file *open = kzalloc(sizeof(*open), GFP_KERNEL_ACCOUNT);

	if (!open)
		return -ENOMEM;
	open->account = ipcdev_account_open(&node->device, &node->accounts, inode, file);
	if (!open->account) {
		kfree(open);
		return -ENOMEM;
	}
	open->node = node;
	ipcdev_open_init(&open->open);
	file->private_data = open;
	spin_lock(&node->device.lock);
	ipcdev_device_open(&node->device, &open->open);
	spin_unlock(&node->device.lock);
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

static int ipcdev_file_release(struct inode *inode, struct file *file)
{
	struct ipcdev_file *open = file->private_data;
	struct ipcdev_node *node = open->node;
	struct ipcdev_effects effects;
	struct ipcdev_buffers unused;

	ipcdev_step_lock(node, &effects);
	ipcdev_device_release(&node->device, &open->open, &effects);
	ipcdev_step_unlock(node, &effects); /* all steps: nothing refers to the open any more */
	ipcdev_buffers_init(&unused);
	spin_lock(&node->device.lock);
	if (!node->device.gauges.opens)
		swap(node->buffers, unused);
	spin_unlock(&node->device.lock);
	ipcdev_buffers_trim(&unused);
	ipcdev_spare_free(open);
	ipcdev_account_close(&node->device, &node->accounts, open->account);
	kfree(open);
	return 0;
}

/* No llseek, mmap, fsync, splice: the VFS answers ESPIPE, ENODEV, EINVAL, EINVAL. */
const struct file_operations ipcdev_file_operations = {
	.owner = THIS_MODULE,
	.open = ipcdev_file_open,
	.release = ipcdev_file_release,
	.read = ipcdev_file_read,
	.write = ipcdev_file_write,
	.read_iter = ipcdev_file_read_iter,
	.write_iter = ipcdev_file_write_iter,
	.poll = ipcdev_poll,
	.unlocked_ioctl = ipcdev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
