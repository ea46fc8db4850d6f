// SPDX-License-Identifier: GPL-2.0
#include "buffer.h"

#include <linux/mm.h>
#include <linux/slab.h>

/* A message and its bytes, charged to the writer's memory control group. */
struct ipcdev_buffer {
	struct ipcdev_message message;
	u8 bytes[];
};

static const struct ipcdev_buffer *ipcdev_buffer_of(const struct ipcdev_message *message)
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

void ipcdev_message_free(struct ipcdev_message *message)
{
	kvfree(ipcdev_buffer_of(message));
}

/**
 * ipcdev_message_from() - the payload of a plain write
 * @from:	all of it becomes one message
 * @request:	its @bytes are those of @from, 1 to IPCDEV_MESSAGE_MAX; gets the
 *		message, which the caller frees unless the device takes it
 *
 * Return: 0, -ENOMEM or -EFAULT.
 */
int ipcdev_message_from(struct iov_iter *from, struct ipcdev_request *request)
{
	struct ipcdev_buffer *buffer = ipcdev_buffer_alloc(request->bytes);

	if (!buffer)
		return -ENOMEM;
	request->message = &buffer->message;
	return copy_from_iter_full(buffer->bytes, request->bytes, from) ? 0 : -EFAULT;
}

/* One frame of at most @room bytes: a message, to be freed by the caller, or an error. */
static struct ipcdev_message *ipcdev_frame_from(struct iov_iter *from, size_t room)
{
	struct ipcdev_buffer *buffer;
	struct ipcdev_frame frame;
	size_t padding;

	if (room < sizeof(frame))
		return ERR_PTR(-EINVAL);
	if (!copy_from_iter_full(&frame, sizeof(frame), from))
		return ERR_PTR(-EFAULT);
	if (!frame.length || frame.flags)
		return ERR_PTR(-EINVAL);
	if (frame.length > IPCDEV_MESSAGE_MAX) /* the setting may be less: for the device to say */
		return ERR_PTR(-EMSGSIZE);
	if (IPCDEV_FRAME_BYTES(frame.length) > room)
		return ERR_PTR(-EINVAL);
	buffer = ipcdev_buffer_alloc(frame.length);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	if (!copy_from_iter_full(buffer->bytes, frame.length, from)) {
		ipcdev_message_free(&buffer->message);
		return ERR_PTR(-EFAULT);
	}
	padding = IPCDEV_FRAME_BYTES(frame.length) - sizeof(frame) - frame.length;
	iov_iter_advance(from, padding);
	return &buffer->message;
}

/**
 * ipcdev_frames_from() - the payloads of a batch
 * @from:	one or more frames
 * @request:	its @bytes are those of @from, 1 to IPCDEV_BATCH_BYTES_MAX; gets the
 *		messages, which the caller frees unless the device takes them, on
 *		error too
 *
 * Return: 0, -EINVAL or -EMSGSIZE for what is no frame, -ENOMEM or -EFAULT.
 */
int ipcdev_frames_from(struct iov_iter *from, struct ipcdev_request *request)
{
	struct ipcdev_message **end = &request->message;
	size_t left = request->bytes;

	request->largest = 0;
	while (left) {
		struct ipcdev_message *message = ipcdev_frame_from(from, left);

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
int ipcdev_bytes_to(struct iov_iter *to, const struct ipcdev_request *request)
{
	const struct ipcdev_buffer *buffer = ipcdev_buffer_of(request->taken.message);
	size_t copied = copy_to_iter(buffer->bytes + request->taken.begin, request->done, to);

	return copied == request->done ? 0 : -EFAULT;
}

static bool ipcdev_frame_to(struct iov_iter *to, const struct ipcdev_slice *slice)
{
	const struct ipcdev_message *message = slice->message;
	const u32 length = ipcdev_slice_size(slice);
	const struct ipcdev_frame frame = {
		.length = length,
		.flags = length == message->size ? 0 : IPCDEV_FRAME_REMAINDER,
	};
	const size_t padding = IPCDEV_FRAME_BYTES(length) - sizeof(frame) - length;
	const u8 *bytes = ipcdev_buffer_of(message)->bytes + slice->begin;

	return copy_to_iter(&frame, sizeof(frame), to) == sizeof(frame) &&
	       copy_to_iter(bytes, length, to) == length && iov_iter_zero(padding, to) == padding;
}

/**
 * ipcdev_frames_to() - what a batch read was given
 * @to:		has room for the frames
 * @request:	a copy under way
 *
 * Return: 0 or -EFAULT.
 */
int ipcdev_frames_to(struct iov_iter *to, const struct ipcdev_request *request)
{
	const struct ipcdev_piece *piece;

	list_for_each_entry(piece, &request->pieces, hook) {
		if (!ipcdev_frame_to(to, &piece->slice))
			return -EFAULT;
	}
	return 0;
}
