/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bytes of messages, and how they come from and go to a program's memory.
 *
 * User memory is copied here, so no lock may be held: a page fault may sleep.
 */
#ifndef IPCDEV_BUFFER_H
#define IPCDEV_BUFFER_H

#include <linux/atomic.h>
#include <linux/llist.h>
#include <linux/uio.h>

#include "device.h"

struct ipcdev_buffer;

#define IPCDEV_BUFFER_CLASSES 6

/**
 * struct ipcdev_buffers - buffers that messages have left and others will need
 * @ready:	by class of size, a chain that a writer takes from; exchanged as a whole
 * @left:	by class, where readers leave them, until a writer finds none ready
 * @count:	by class, of both, about
 *
 * An allocation costs a third of passing a small message, and distributions clear what
 * is allocated, which costs as much as copying a large one.  What is kept stays
 * charged to who wrote with it first, until the device is closed by all.
 */
struct ipcdev_buffers {
	struct ipcdev_buffer *ready[IPCDEV_BUFFER_CLASSES];
	struct llist_head left[IPCDEV_BUFFER_CLASSES];
	atomic_t count[IPCDEV_BUFFER_CLASSES];
};

/**
 * struct ipcdev_memory - where in the program's memory a call goes on copying
 * @iter:	of a call with a vector, or by AIO or io_uring; else NULL
 * @address:	without @iter: of the next byte.  How many there are the request says
 */
struct ipcdev_memory {
	struct iov_iter *iter;
	void __user *address;
};

void ipcdev_buffers_init(struct ipcdev_buffers *buffers);
void ipcdev_buffers_trim(struct ipcdev_buffers *buffers);
ipcdev_hot int ipcdev_message_from(struct ipcdev_buffers *buffers, struct ipcdev_memory *from,
				   struct ipcdev_request *request);
int ipcdev_frames_from(struct ipcdev_buffers *buffers, struct ipcdev_memory *from,
		       struct ipcdev_request *request);
ipcdev_hot int ipcdev_bytes_to(struct ipcdev_memory *to, const struct ipcdev_request *request);
int ipcdev_frames_to(struct ipcdev_memory *to, const struct ipcdev_request *request);
ipcdev_hot void ipcdev_message_free(struct ipcdev_buffers *buffers, struct ipcdev_message *message);

#endif /* IPCDEV_BUFFER_H */
