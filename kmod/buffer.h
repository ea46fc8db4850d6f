/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bytes of messages, and the copies from and to a program's memory.
 *
 * Requires, where user memory is copied: no lock is held, since a page fault may sleep.
 */
#ifndef IPCDEV_BUFFER_H
#define IPCDEV_BUFFER_H

#include <linux/uio.h>

#include "device.h"

struct ipcdev_buffer;
struct ipcdev_file;

/* Those whose buffers are reused, and one for all larger sizes. */
#define IPCDEV_BUFFER_CLASSES 7

/**
 * struct ipcdev_shelf - unused buffers of one size class
 * @first:	for any open
 * @room:	how many more it takes
 */
struct ipcdev_shelf {
	struct ipcdev_buffer *first;
	unsigned int room;
};

/**
 * struct ipcdev_buffers - buffers kept for reuse
 * @shelves:	by class; guarded by ipcdev_device.lock
 *
 * An allocation costs a third of passing a small message, and most distributions clear
 * allocated memory, which costs as much as copying a large message.  A kept buffer stays
 * charged to its first writer until the last close of the device.
 *
 * A writer copies the message in before it takes the lock, and so needs its buffer before
 * that.  So each open has a spare, which a write takes with one atomic exchange; later in
 * the write, under the lock, it gets its next spare from the shelf.
 */
struct ipcdev_buffers {
	struct ipcdev_shelf shelves[IPCDEV_BUFFER_CLASSES];
};

/**
 * struct ipcdev_memory - the place in the program's memory where a call copies next
 * @iter:	for calls with a vector, by AIO or io_uring; otherwise NULL
 * @address:	without @iter, the next byte; the request has the count
 */
struct ipcdev_memory {
	struct iov_iter *iter;
	void __user *address;
};

void ipcdev_buffers_init(struct ipcdev_buffers *buffers);
ipcdev_hot void ipcdev_buffers_keep(struct ipcdev_effects *effects);
void ipcdev_buffers_trim(struct ipcdev_buffers *buffers);
ipcdev_hot void ipcdev_spare_next(struct ipcdev_file *open, const struct ipcdev_message *message);
void ipcdev_spare_free(struct ipcdev_file *open);
ipcdev_hot int ipcdev_message_from(struct ipcdev_file *open, struct ipcdev_memory *from,
				   struct ipcdev_request *request);
int ipcdev_frames_from(struct ipcdev_file *open, struct ipcdev_memory *from,
		       struct ipcdev_request *request);
ipcdev_hot int ipcdev_bytes_to(struct ipcdev_memory *to, const struct ipcdev_request *request);
int ipcdev_frames_to(struct ipcdev_memory *to, const struct ipcdev_request *request);
void ipcdev_message_free(struct ipcdev_message *message);

#endif /* IPCDEV_BUFFER_H */
