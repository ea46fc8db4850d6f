// SPDX-License-Identifier: GPL-2.0
#include "buffer.h"

#include <linux/mm.h>
#include <linux/slab.h>

#include "compat.h"

/**
 * struct ipcdev_buffer - a message and its bytes
 * @message:	the device's
 * @class:	of size, an index of ipcdev_capacities
 * @unused:	in ipcdev_buffers
 * @bytes:	its payload: @own, or for what fills a page, memory of its own
 * @own:	as many as the class has
 *
 * Charged to the writer's memory control group.
 */
struct ipcdev_buffer {
	struct ipcdev_message message;
	unsigned int class;
	struct llist_node unused;
	u8 *bytes;
	u8 own[];
};

/*
 * Bytes of payload by class, so that with the struct they fill what kmalloc gives.
 * From the last one on the payload is an allocation of its own: one that is a page
 * would take two with the struct before it.
 */
static const unsigned int ipcdev_capacities[IPCDEV_BUFFER_CLASSES] = {
	192 - sizeof(struct ipcdev_buffer),  256 - sizeof(struct ipcdev_buffer),
	512 - sizeof(struct ipcdev_buffer),  1024 - sizeof(struct ipcdev_buffer),
	2048 - sizeof(struct ipcdev_buffer), 4096,
};

#define IPCDEV_PAGE_CLASS (IPCDEV_BUFFER_CLASSES - 1)

/* Kept unused of each class: as many as a queue holds with the default settings. */
#define IPCDEV_UNUSED_MAX IPCDEV_DEPTH_DEFAULT

static struct ipcdev_buffer *ipcdev_buffer_of(const struct ipcdev_message *message)
{
	return container_of(message, struct ipcdev_buffer, message);
}

/* IPCDEV_BUFFER_CLASSES: of its own size, which no other message can use. */
static unsigned int ipcdev_class_of(size_t bytes)
{
	unsigned int class = 0;

	if (bytes > ipcdev_capacities[IPCDEV_PAGE_CLASS - 1])
		return bytes > ipcdev_capacities[IPCDEV_PAGE_CLASS] ? IPCDEV_BUFFER_CLASSES :
								      IPCDEV_PAGE_CLASS;
	while (bytes > ipcdev_capacities[class])
		class++;
	return class;
}

static noinline struct ipcdev_buffer *ipcdev_buffer_alloc(size_t bytes, unsigned int class)
{
	const bool apart = class >= IPCDEV_PAGE_CLASS;
	const size_t own = apart ? 0 : ipcdev_capacities[class];
	struct ipcdev_buffer *buffer;

	buffer = kmalloc(struct_size(buffer, own, own), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		return NULL;
	buffer->class = class;
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
	if (buffer->class >= IPCDEV_PAGE_CLASS)
		kvfree(buffer->bytes);
	kfree(buffer);
}

/* Another writer put a chain back at the same time. */
static noinline void ipcdev_buffers_leave(struct ipcdev_buffers *buffers,
					  struct ipcdev_buffer *chain)
{
	while (chain) {
		struct llist_node *next = chain->unused.next;

		llist_add(&chain->unused, &buffers->left[chain->class]);
		chain = next ? llist_entry(next, struct ipcdev_buffer, unused) : NULL;
	}
}

/* The first of those that are unused, NULL if there is none. */
static struct ipcdev_buffer *ipcdev_buffer_reuse(struct ipcdev_buffers *buffers, unsigned int class)
{
	struct ipcdev_buffer *chain = xchg(&buffers->ready[class], NULL);
	struct llist_node *first;

	if (!chain) {
		if (llist_empty(&buffers->left[class]))
			return NULL;
		first = llist_del_all(&buffers->left[class]);
		if (!first)
			return NULL;
		chain = llist_entry(first, struct ipcdev_buffer, unused);
	}
	if (chain->unused.next) {
		struct ipcdev_buffer *rest;

		rest = llist_entry(chain->unused.next, struct ipcdev_buffer, unused);
		rest = xchg(&buffers->ready[class], rest);
		if (unlikely(rest))
			ipcdev_buffers_leave(buffers, rest);
	}
	atomic_dec(&buffers->count[class]);
	return chain;
}

static struct ipcdev_buffer *ipcdev_buffer_get(struct ipcdev_buffers *buffers, size_t bytes)
{
	const unsigned int class = ipcdev_class_of(bytes);
	struct ipcdev_buffer *buffer = NULL;

	if (class < IPCDEV_BUFFER_CLASSES)
		buffer = ipcdev_buffer_reuse(buffers, class);
	if (!buffer)
		buffer = ipcdev_buffer_alloc(bytes, class);
	if (buffer)
		ipcdev_message_init(&buffer->message, bytes);
	return buffer;
}

/**
 * ipcdev_message_free() - a message that is in the device no more, or never was
 * @buffers:	where its buffer is kept, if there is room
 * @message:	gone then
 */
ipcdev_hot void ipcdev_message_free(struct ipcdev_buffers *buffers, struct ipcdev_message *message)
{
	struct ipcdev_buffer *buffer = ipcdev_buffer_of(message);
	const unsigned int class = buffer->class;

	if (class < IPCDEV_BUFFER_CLASSES &&
	    atomic_read(&buffers->count[class]) < IPCDEV_UNUSED_MAX) {
		atomic_inc(&buffers->count[class]);
		llist_add(&buffer->unused, &buffers->left[class]);
	} else {
		ipcdev_buffer_free(buffer);
	}
}

void ipcdev_buffers_init(struct ipcdev_buffers *buffers)
{
	memset(buffers, 0, sizeof(*buffers));
}

/* Frees what is unused. */
void ipcdev_buffers_trim(struct ipcdev_buffers *buffers)
{
	struct ipcdev_buffer *buffer;
	unsigned int class;

	for (class = 0; class < IPCDEV_BUFFER_CLASSES; class++) {
		while ((buffer = ipcdev_buffer_reuse(buffers, class)))
			ipcdev_buffer_free(buffer);
	}
}

/*
 * To and from the program's memory.  The bytes are within the buffer by how it was
 * made, so its bounds are not looked up in the allocator's books once more, which
 * copy_from_user() does where usercopy is hardened, at the cost of a small message.
 */
static bool ipcdev_copy_from(u8 *bytes, size_t count, struct ipcdev_memory *from)
{
	if (from->iter)
		return _copy_from_iter(bytes, count, from->iter) == count;
	if (ipcdev_copy_from_user(bytes, from->address, count))
		return false;
	from->address += count;
	return true;
}

static void ipcdev_skip(struct ipcdev_memory *from, size_t count)
{
	if (from->iter)
		iov_iter_advance(from->iter, count);
	else
		from->address += count;
}

static bool ipcdev_copy_to(const u8 *bytes, size_t count, struct ipcdev_memory *to)
{
	if (to->iter)
		return _copy_to_iter(bytes, count, to->iter) == count;
	if (ipcdev_copy_to_user(to->address, bytes, count))
		return false;
	to->address += count;
	return true;
}

/**
 * ipcdev_message_from() - the payload of a plain write
 * @buffers:	where to look for a buffer first
 * @from:	all of it becomes one message
 * @request:	its @bytes are those of @from, 1 to IPCDEV_MESSAGE_MAX; gets the
 *		message, which the caller frees unless the device takes it
 *
 * Return: 0, -ENOMEM or -EFAULT.
 */
ipcdev_hot int ipcdev_message_from(struct ipcdev_buffers *buffers, struct ipcdev_memory *from,
				   struct ipcdev_request *request)
{
	struct ipcdev_buffer *buffer = ipcdev_buffer_get(buffers, request->bytes);

	if (!buffer)
		return -ENOMEM;
	request->message = &buffer->message;
	return ipcdev_copy_from(buffer->bytes, request->bytes, from) ? 0 : -EFAULT;
}

/* One frame of at most @room bytes: a message, to be freed by the caller, or an error. */
static struct ipcdev_message *ipcdev_frame_from(struct ipcdev_buffers *buffers,
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
	if (frame.length > IPCDEV_MESSAGE_MAX) /* the setting may be less: for the device to say */
		return ERR_PTR(-EMSGSIZE);
	if (IPCDEV_FRAME_BYTES(frame.length) > room)
		return ERR_PTR(-EINVAL);
	buffer = ipcdev_buffer_get(buffers, frame.length);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	if (!ipcdev_copy_from(buffer->bytes, frame.length, from)) {
		ipcdev_message_free(buffers, &buffer->message);
		return ERR_PTR(-EFAULT);
	}
	padding = IPCDEV_FRAME_BYTES(frame.length) - sizeof(frame) - frame.length;
	ipcdev_skip(from, padding);
	return &buffer->message;
}

/**
 * ipcdev_frames_from() - the payloads of a batch
 * @buffers:	where to look for buffers first
 * @from:	one or more frames
 * @request:	its @bytes are those of @from, 1 to IPCDEV_BATCH_BYTES_MAX; gets the
 *		messages, which the caller frees unless the device takes them, on
 *		error too
 *
 * Return: 0, -EINVAL or -EMSGSIZE for what is no frame, -ENOMEM or -EFAULT.
 */
noinline int ipcdev_frames_from(struct ipcdev_buffers *buffers, struct ipcdev_memory *from,
				struct ipcdev_request *request)
{
	struct ipcdev_message **end = &request->message;
	size_t left = request->bytes;

	request->largest = 0;
	while (left) {
		struct ipcdev_message *message = ipcdev_frame_from(buffers, from, left);

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
 * ipcdev_bytes_to() - what a plain read was given
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
 * ipcdev_frames_to() - what a batch read was given
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
