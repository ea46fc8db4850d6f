// SPDX-License-Identifier: GPL-2.0
#include "buffer.h"

#include <linux/kasan.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "compat.h"
#include "node.h"

/**
 * struct ipcdev_buffer - a message and its bytes
 * @message:	the device's
 * @shelf:	where it is kept while unused; tells its size class
 * @next:	on the shelf
 * @bytes:	its payload: @own, or from a page up a separate allocation
 * @own:	as many bytes as the class has
 *
 * Charged to the writer's memory cgroup.
 */
struct ipcdev_buffer {
	struct ipcdev_message message;
	struct ipcdev_shelf *shelf;
	struct ipcdev_buffer *next;
	u8 *bytes;
	u8 own[];
};

/*
 * Bytes of payload by class, chosen so that struct and payload fill a kmalloc bucket.
 * From the page class up the payload is a separate allocation: a page of payload behind
 * the struct would take two pages.
 */
static const unsigned int ipcdev_capacities[IPCDEV_BUFFER_CLASSES - 1] = {
	192 - sizeof(struct ipcdev_buffer),  256 - sizeof(struct ipcdev_buffer),
	512 - sizeof(struct ipcdev_buffer),  1024 - sizeof(struct ipcdev_buffer),
	2048 - sizeof(struct ipcdev_buffer), 4096,
};

#define IPCDEV_PAGE_CLASS (IPCDEV_BUFFER_CLASSES - 2)
/* Allocated in the exact size of its message, and so never reused. */
#define IPCDEV_LARGE_CLASS (IPCDEV_BUFFER_CLASSES - 1)

/* The most unused buffers kept of each class: as many as a queue of the default depth holds. */
#define IPCDEV_UNUSED_MAX IPCDEV_DEPTH_DEFAULT

/* While a device has more opens than this, none gets a spare.  This bounds the spares. */
#define IPCDEV_SPARES_MAX 64

static struct ipcdev_buffer *ipcdev_buffer_of(const struct ipcdev_message *message)
{
	return container_of(message, struct ipcdev_buffer, message);
}

static unsigned int ipcdev_class_of(size_t bytes)
{
	unsigned int class = 0;

	if (bytes > ipcdev_capacities[IPCDEV_PAGE_CLASS - 1])
		return bytes > ipcdev_capacities[IPCDEV_PAGE_CLASS] ? IPCDEV_LARGE_CLASS :
								      IPCDEV_PAGE_CLASS;
	while (bytes > ipcdev_capacities[class])
		class++;
	return class;
}

static struct ipcdev_buffer *ipcdev_buffer_alloc(struct ipcdev_shelf *shelf, size_t bytes,
						 unsigned int class)
{
	const bool apart = class >= IPCDEV_PAGE_CLASS;
	const size_t own = apart ? 0 : ipcdev_capacities[class];
	struct ipcdev_buffer *buffer;

	buffer = kmalloc(struct_size(buffer, own, own), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		return NULL;
	buffer->shelf = shelf;
	buffer->bytes = buffer->own;
	if (apart) {
		buffer->bytes = kvmalloc(max_t(size_t, bytes, ipcdev_capacities[IPCDEV_PAGE_CLASS]),
					 GFP_KERNEL_ACCOUNT);
		if (!buffer->bytes) {
			kfree(buffer);
			return NULL;
		}
	}
	return buffer;
}

static void ipcdev_buffer_free(struct ipcdev_buffer *buffer)
{
	if (buffer->bytes != buffer->own)
		kvfree(buffer->bytes);
	kfree(buffer);
}

/*
 * False if the shelf is full: the buffer is still the caller's.
 * Requires: the device's lock.
 */
static bool ipcdev_buffer_keep(struct ipcdev_buffer *buffer)
{
	struct ipcdev_shelf *shelf = buffer->shelf;

	if (!shelf->room)
		return false;
	shelf->room--;
	buffer->next = shelf->first;
	shelf->first = buffer;
	return true;
}

/*
 * NULL if none is kept.
 * Requires: the device's lock, or that nobody else uses it.
 */
static struct ipcdev_buffer *ipcdev_buffer_pop(struct ipcdev_shelf *shelf)
{
	struct ipcdev_buffer *buffer = shelf->first;

	if (buffer) {
		shelf->first = buffer->next;
		shelf->room++;
	}
	return buffer;
}

/*
 * For an open without a spare of this size: takes a buffer from the shelf, or allocates
 * one.  Leaves the last buffer on the shelf, to become the open's next spare; a batch has
 * no spares and takes it too.
 */
static noinline struct ipcdev_buffer *ipcdev_buffer_find(struct ipcdev_file *open, size_t bytes,
							 unsigned int class,
							 struct ipcdev_buffer *of_other_size)
{
	struct ipcdev_node *node = open->node;
	struct ipcdev_shelf *shelf = &node->buffers.shelves[class];
	struct ipcdev_buffer *buffer = NULL;

	spin_lock(&node->device.lock);
	if (of_other_size && ipcdev_buffer_keep(of_other_size))
		of_other_size = NULL;
	if (shelf->first && (shelf->first->next || READ_ONCE(open->batch)))
		buffer = ipcdev_buffer_pop(shelf);
	spin_unlock(&node->device.lock);
	if (of_other_size)
		ipcdev_buffer_free(of_other_size);
	return buffer ?: ipcdev_buffer_alloc(shelf, bytes, class);
}

static struct ipcdev_buffer *ipcdev_buffer_get(struct ipcdev_file *open, size_t bytes)
{
	const unsigned int class = ipcdev_class_of(bytes);
	struct ipcdev_buffer *buffer = xchg(&open->spare, NULL);

	if (unlikely(!buffer || buffer->shelf != &open->node->buffers.shelves[class]))
		buffer = ipcdev_buffer_find(open, bytes, class, buffer);
	return buffer;
}

/**
 * ipcdev_spare_next() - give the open a spare buffer for its next write
 * @open:	that is written to
 * @message:	of the present write: the next is likely to have the same size
 *
 * Requires: the device's lock.
 */
ipcdev_hot void ipcdev_spare_next(struct ipcdev_file *open, const struct ipcdev_message *message)
{
	struct ipcdev_buffer *buffer;

	lockdep_assert_held(&open->node->device.lock);
	if (unlikely(READ_ONCE(open->spare) ||
		     open->node->device.gauges.opens > IPCDEV_SPARES_MAX))
		return;
	buffer = ipcdev_buffer_pop(ipcdev_buffer_of(message)->shelf);
	if (likely(buffer))
		smp_store_release(&open->spare, buffer); /* pairs with the xchg */
}

/**
 * ipcdev_buffers_keep() - put the buffers of retired messages on their shelves
 * @effects:	of a step
 *
 * Stops at the first message whose shelf is full, so it handles no more than
 * IPCDEV_UNUSED_MAX of each class, however many were retired.
 * Requires: the device's lock, still held since that step.
 */
ipcdev_hot void ipcdev_buffers_keep(struct ipcdev_effects *effects)
{
	struct ipcdev_link *link;

	while ((link = effects->retired_messages.first)) {
		struct ipcdev_message *message = container_of(link, struct ipcdev_message, link);
		struct ipcdev_link *next = link->next;

		if (!ipcdev_buffer_keep(ipcdev_buffer_of(message)))
			break;
		effects->retired_messages.first = next;
	}
}

/**
 * ipcdev_message_free() - free a message that the device does not hold
 * @message:	freed with its buffer
 */
void ipcdev_message_free(struct ipcdev_message *message)
{
	ipcdev_buffer_free(ipcdev_buffer_of(message));
}

/*
 * Reused buffers are not cleared in between, and KASAN can't check them: it exports nothing
 * for that to modules.  So with init_on_free or KASAN the shelves have no room, and every
 * buffer is freed.
 */
void ipcdev_buffers_init(struct ipcdev_buffers *buffers)
{
	const bool keeps = !kasan_enabled() && !want_init_on_free();
	unsigned int class;

	for (class = 0; class < IPCDEV_BUFFER_CLASSES; class++) {
		buffers->shelves[class].first = NULL;
		buffers->shelves[class].room =
			keeps && class != IPCDEV_LARGE_CLASS ? IPCDEV_UNUSED_MAX : 0;
	}
}

/*
 * Frees the unused buffers.
 * Requires: nobody else uses @buffers.
 */
void ipcdev_buffers_trim(struct ipcdev_buffers *buffers)
{
	struct ipcdev_buffer *buffer;
	unsigned int class;

	for (class = 0; class < IPCDEV_BUFFER_CLASSES; class++) {
		while ((buffer = ipcdev_buffer_pop(&buffers->shelves[class])))
			ipcdev_buffer_free(buffer);
	}
}

/**
 * ipcdev_spare_free() - free the spare of an open that is closed
 * @open:	used by nobody else
 */
void ipcdev_spare_free(struct ipcdev_file *open)
{
	if (open->spare)
		ipcdev_buffer_free(open->spare);
}

/*
 * Copy from and to the program's memory.  The bytes are within the buffer by construction,
 * so these skip the check of CONFIG_HARDENED_USERCOPY that copy_from_user() would do.  The
 * check takes 174 instructions a copy, 348 for a message; the rest of a write and a read
 * of 64 bytes, from entry to return, takes some 660 (Debian's Linux 6.1, measured by
 * bench/in-vm --instructions).
 */
static bool ipcdev_copy_from(u8 *bytes, size_t count, struct ipcdev_memory *from)
{
	if (unlikely(from->iter))
		return _copy_from_iter(bytes, count, from->iter) == count;
	if (ipcdev_copy_from_user(bytes, from->address, count))
		return false;
	from->address += count;
	return true;
}

static void ipcdev_skip(struct ipcdev_memory *from, size_t count)
{
	if (unlikely(from->iter))
		iov_iter_advance(from->iter, count);
	else
		from->address += count;
}

static bool ipcdev_copy_to(const u8 *bytes, size_t count, struct ipcdev_memory *to)
{
	if (unlikely(to->iter))
		return _copy_to_iter(bytes, count, to->iter) == count;
	if (ipcdev_copy_to_user(to->address, bytes, count))
		return false;
	to->address += count;
	return true;
}

/**
 * ipcdev_message_from() - copy in the payload of a plain write
 * @open:	that is written to
 * @from:	all of it becomes one message
 * @request:	its @bytes are those of @from, 1 to IPCDEV_MESSAGE_MAX; gets the
 *		message, which the caller frees unless the device takes it
 *
 * Return: 0, -ENOMEM or -EFAULT.
 */
ipcdev_hot int ipcdev_message_from(struct ipcdev_file *open, struct ipcdev_memory *from,
				   struct ipcdev_request *request)
{
	struct ipcdev_buffer *buffer = ipcdev_buffer_get(open, request->bytes);

	if (!buffer)
		return -ENOMEM;
	ipcdev_message_init(&buffer->message, request->bytes);
	request->message = &buffer->message;
	return ipcdev_copy_from(buffer->bytes, request->bytes, from) ? 0 : -EFAULT;
}

/* Copies in one frame of at most @room bytes.  Returns a message that the caller frees. */
static struct ipcdev_message *ipcdev_frame_from(struct ipcdev_file *open,
						struct ipcdev_memory *from, size_t room)
{
	struct ipcdev_buffer *buffer;
	struct ipcdev_frame frame;
	size_t padding;

	if (room < sizeof(frame))
		return ERR_PTR(-EINVAL);
	if (!ipcdev_copy_from((u8 *)&frame, sizeof(frame), from))
		return ERR_PTR(-EFAULT);
	if (!frame.length || frame.flags)
		return ERR_PTR(-EINVAL);
	if (frame.length > IPCDEV_MESSAGE_MAX) /* the device checks its own limit */
		return ERR_PTR(-EMSGSIZE);
	if (IPCDEV_FRAME_BYTES(frame.length) > room)
		return ERR_PTR(-EINVAL);
	buffer = ipcdev_buffer_find(open, frame.length, ipcdev_class_of(frame.length), NULL);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	ipcdev_message_init(&buffer->message, frame.length);
	if (!ipcdev_copy_from(buffer->bytes, frame.length, from)) {
		ipcdev_message_free(&buffer->message);
		return ERR_PTR(-EFAULT);
	}
	padding = IPCDEV_FRAME_BYTES(frame.length) - sizeof(frame) - frame.length;
	ipcdev_skip(from, padding);
	return &buffer->message;
}

/**
 * ipcdev_frames_from() - copy in the payloads of a batch write
 * @open:	that is written to
 * @from:	one or more frames
 * @request:	its @bytes are those of @from, 1 to IPCDEV_BATCH_BYTES_MAX; gets the
 *		messages, which the caller frees unless the device takes them, on
 *		error too
 *
 * Return: 0, -EINVAL or -EMSGSIZE for a bad frame, -ENOMEM or -EFAULT.
 */
noinline int ipcdev_frames_from(struct ipcdev_file *open, struct ipcdev_memory *from,
				struct ipcdev_request *request)
{
	struct ipcdev_message **end = &request->message;
	size_t left = request->bytes;

	request->largest = 0;
	while (left) {
		struct ipcdev_message *message = ipcdev_frame_from(open, from, left);

		if (IS_ERR(message))
			return PTR_ERR(message);
		*end = message;
		end = &message->next;
		left -= IPCDEV_FRAME_BYTES(message->size);
		request->largest = max_t(u64, request->largest, message->size);
	}
	return 0;
}

/**
 * ipcdev_bytes_to() - copy out what a plain read was given
 * @to:		has room for them
 * @request:	a copy under way
 *
 * Return: 0 or -EFAULT.
 */
ipcdev_hot int ipcdev_bytes_to(struct ipcdev_memory *to, const struct ipcdev_request *request)
{
	const struct ipcdev_buffer *buffer = ipcdev_buffer_of(request->taken.message);

	return ipcdev_copy_to(buffer->bytes + request->taken.begin, request->done, to) ? 0 :
											 -EFAULT;
}

static bool ipcdev_frame_to(struct ipcdev_memory *to, const struct ipcdev_slice *slice)
{
	const struct ipcdev_message *message = slice->message;
	const u32 length = ipcdev_slice_size(slice);
	const struct ipcdev_frame frame = {
		.length = length,
		.flags = length == message->size ? 0 : IPCDEV_FRAME_REMAINDER,
	};
	const size_t padding = IPCDEV_FRAME_BYTES(length) - sizeof(frame) - length;
	const u64 zeros = 0;
	const u8 *bytes = ipcdev_buffer_of(message)->bytes + slice->begin;

	return ipcdev_copy_to((const u8 *)&frame, sizeof(frame), to) &&
	       ipcdev_copy_to(bytes, length, to) &&
	       ipcdev_copy_to((const u8 *)&zeros, padding, to);
}

/**
 * ipcdev_frames_to() - copy out what a batch read was given
 * @to:		has room for the frames
 * @request:	a copy under way
 *
 * Return: 0 or -EFAULT.
 */
noinline int ipcdev_frames_to(struct ipcdev_memory *to, const struct ipcdev_request *request)
{
	const struct ipcdev_link *link;

	for (link = request->pieces.first; link; link = link->next) {
		const struct ipcdev_piece *piece = container_of(link, struct ipcdev_piece, link);

		if (!ipcdev_frame_to(to, &piece->slice))
			return -EFAULT;
	}
	return 0;
}
