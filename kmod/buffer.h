/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bytes of messages, and how they come from and go to a program's memory.
 *
 * Requires, where user memory is copied: no lock is held, since a page fault may sleep.
 */
#ifndef IPCDEV_BUFFER_H
#define IPCDEV_BUFFER_H

#include <linux/uio.h>

#include "device.h"

struct ipcdev_buffer;
struct ipcdev_file;

/* Sizes that are used again, and one class for all that is larger. */
#define IPCDEV_BUFFER_CLASSES 7

/**
 * struct ipcdev_shelf - buffers of one class of size
 * @first:	unused, for any open
 * @room:	for how many more
 */
struct ipcdev_shelf {
	struct ipcdev_buffer *first;
	unsigned int room;
};

/**
 * struct ipcdev_buffers - buffers that messages have left and others will need
 * @shelves:	by class; guarded by ipcdev_device.lock
 *
 * An allocation costs a third of passing a small message, and distributions clear what
 * is allocated, which costs as much as copying a large one.  What is kept stays
 * charged to who wrote with it first, until the device is closed by all.
 *
 * A writer needs its buffer before it takes the lock, since it copies the message first.
 * So an open has a spare, which a write by it takes with one exchange; the write holds the
 * lock later anyway, and then fetches the next spare from the shelf.
 */
struct ipcdev_buffers {
	struct ipcdev_shelf shelves[IPCDEV_BUFFER_CLASSES];
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
