// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a message:
 *
 *   1. submit_write   the writer's request arrives with its payload
 *   2. admit          the message joins the queue; the writer completes with its last one
 *   3. match          completes every request that can now proceed, parked readers first
 *   4. take           gives a reader bytes of the message its open has begun, or else of
 *                     the one at the head; the open begins that one unless it got all of
 *                     it.  A batch read gets as many messages as fit
 *   5. copy_done      the caller has copied the bytes; settle counts and retires the
 *                     message
 *      or put_back    the copy failed: the bytes return to what the open has begun, or
 *                     the whole message to the head of the queue; back to 3
 *
 * The mirror of common/device.cpp: the same functions in the same order, with the same
 * parameters, which tests/mirror/names checks.  A reference there is a pointer here, and
 * what is no static member there has the device before its own parameters.  What differs
 * on purpose (that check reads the lines of functions):
 *
 *   cancel_all()   missing: a module can't go while a call is parked
 *   init()         added: the constructors, this one and those of other types, are in the
 *                  headers of the original; and its getters are fields here
 *   errors         are negative, as everywhere in the kernel
 *   assertions     warn and go on: a bug here must not take the machine with it.  They
 *                  also ask for the lock, which the original doesn't have
 *   chains         are singly linked where the original has lists: chain.h says why.  Only
 *                  the first element can leave one, so put_back wants a batch's pieces in
 *                  reverse; and a request has a link of its own for the completed ones
 *   pieces         of a request are set up by take_frames, and not with the request: a
 *                  plain read pays nothing for them
 *   loops          of batches keep what they test in locals, since the compiler can't know
 *                  that nothing in them changes the field: admit, take_frames
 *   noinline       and the like say what isn't on the way of a plain call: see device.h
 */
#include "device.h"
#include "device_private.h"

#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/string.h>

/* Constructors, which the original has in its headers. */

ipcdev_hot void ipcdev_message_init(struct ipcdev_message *message, u32 size)
{
	/* admit sets the slice of @whole. */
	ipcdev_link_init(&message->link);
	ipcdev_link_init(&message->whole.link);
	message->next = NULL;
	message->sequence = 0;
	message->size = size;
	message->queued = 0;
	message->begun = 0;
	message->copying = 0;
}

void ipcdev_open_init(struct ipcdev_open *open)
{
	ipcdev_chain_init(&open->begun);
	INIT_LIST_HEAD(&open->readers);
}

ipcdev_hot void ipcdev_request_init(struct ipcdev_request *request)
{
	ipcdev_link_init(&request->link);
	request->message = NULL;
	request->state = IPCDEV_IDLE;
	request->error = 0;
	request->done = 0;
}

ipcdev_hot void ipcdev_effects_init(struct ipcdev_effects *effects)
{
	effects->budget = IPCDEV_STEP_MESSAGES;
	ipcdev_chain_init(&effects->completed);
	ipcdev_chain_init(&effects->retired_messages);
	ipcdev_chain_init(&effects->retired_pieces);
	effects->became_readable = false;
	effects->became_writable = false;
}

void ipcdev_device_init(struct ipcdev_device *device, const struct ipcdev_settings *settings)
{
	memset(device, 0, sizeof(*device));
	spin_lock_init(&device->lock);
	device->settings = *settings;
	device->limits.operations = IPCDEV_PARKED_MAX;
	device->limits.per_user = IPCDEV_PARKED_PER_USER_MAX;
	device->limits.copies = IPCDEV_COPIES_RESERVED;
	ipcdev_chain_init(&device->queue);
	ipcdev_chain_init(&device->aside);
	INIT_LIST_HEAD(&device->readers);
	INIT_LIST_HEAD(&device->writers);
}

/**
 * ipcdev_device_apply() - apply a change to settings
 * @change:	what to change
 * @now:	the settings; unchanged on error
 *
 * Return: 0, or -EINVAL if the result is out of range, contradicts itself, or
 * leaves a fifo or a ring without a depth.
 */
int ipcdev_device_apply(const struct ipcdev_settings_change *change, struct ipcdev_settings *now)
{
	struct ipcdev_settings next = *now;

	if (change->mode > IPCDEV_MODE_RING)
		return -EINVAL;
	if (change->mode)
		next.mode = change->mode;
	if (change->depth)
		next.depth = change->depth;
	else if (next.mode == IPCDEV_MODE_SLOT)
		next.depth = 1;
	else if (now->mode == IPCDEV_MODE_SLOT)
		return -EINVAL; /* a slot has no depth that another mode could keep */
	if (change->max_message)
		next.max_message = change->max_message;
	if (next.depth > IPCDEV_DEPTH_MAX || next.max_message > IPCDEV_MESSAGE_MAX ||
	    (next.mode == IPCDEV_MODE_SLOT && next.depth != 1))
		return -EINVAL;
	if ((u64)next.depth * next.max_message > IPCDEV_QUEUE_BYTES_MAX)
		return -EINVAL;
	*now = next;
	return 0;
}

/* Requires: @open is new, by ipcdev_open_init(), or released. */
void ipcdev_device_open(struct ipcdev_device *device, struct ipcdev_open *open)
{
	lockdep_assert_held(&device->lock);
	WARN_ON_ONCE(!ipcdev_chain_empty(&open->begun) || !list_empty(&open->readers));
	device->gauges.opens++;
}

/*
 * Returns what the open has begun to the front of a fifo's queue, where parked readers get
 * it first.  A ring drops it, and counts its bytes as truncated and the message as read.
 * Requires: no call of this open is parked or being copied.
 */
void ipcdev_device_release(struct ipcdev_device *device, struct ipcdev_open *open,
			   struct ipcdev_effects *effects)
{
	lockdep_assert_held(&device->lock);
	lockdep_assert(!device->under_way);
	WARN_ON_ONCE(!device->gauges.opens || !list_empty(&open->readers));
	device->gauges.opens--;
	if (ipcdev_chain_empty(&open->begun))
		return;
	/* A parked reader may finish the message. */
	effects->became_writable |= !ipcdev_device_has_room(device);
	device->releasing = open;
	device->under_way = true;
	ipcdev_device_go_on(device, effects);
}

/*
 * Completes the request (0, -EMSGSIZE, -EAGAIN, -ENOBUFS) or parks it.  A batch of which
 * some messages were admitted completes with their bytes, not with an error.
 */
ipcdev_hot void ipcdev_device_submit_write(struct ipcdev_device *device,
					   struct ipcdev_request *request,
					   struct ipcdev_effects *effects)
{
	lockdep_assert_held(&device->lock);
	lockdep_assert(!device->under_way);
	request->operation = IPCDEV_OP_WRITE;
	request->done = 0;
	if (!request->bytes)
		return ipcdev_device_complete(request, 0, effects);
	if ((request->batch ? request->largest : request->bytes) > device->settings.max_message ||
	    (request->batch && request->bytes > IPCDEV_BATCH_BYTES_MAX))
		return ipcdev_device_complete(request, -EMSGSIZE, effects);
	if (!ipcdev_device_has_room(device))
		return ipcdev_device_park(device, request, effects);
	ipcdev_device_admit(device, request, effects);
	if (!request->message) {
		ipcdev_device_complete(request, 0, effects);
	} else {
		device->arriving = request;
		device->serving = ipcdev_device_has_room(device) ? request : NULL;
		device->under_way = true;
	}
	ipcdev_device_match(device, effects);
}

/*
 * Completes the request (0, -EMSGSIZE, -EAGAIN, -ENOBUFS) or parks it.  It gets bytes of
 * what its open has begun, or else of the message at the head of the queue.  A read that
 * completes with bytes is a copy under way: copy_done or put_back must follow.
 */
ipcdev_hot void ipcdev_device_submit_read(struct ipcdev_device *device,
					  struct ipcdev_request *request,
					  struct ipcdev_effects *effects)
{
	lockdep_assert_held(&device->lock);
	lockdep_assert(!device->under_way);
	request->operation = IPCDEV_OP_READ;
	request->done = 0;
	if (!request->bytes)
		return ipcdev_device_complete(request, 0, effects);
	if (request->batch &&
	    (request->bytes < IPCDEV_FRAME_BYTES(device->settings.max_message) ||
	     request->bytes > IPCDEV_BATCH_BYTES_MAX))
		return ipcdev_device_complete(request, -EMSGSIZE, effects);
	if (ipcdev_chain_empty(&request->open->begun) && ipcdev_chain_empty(&device->queue))
		return ipcdev_device_park(device, request, effects);
	if (!ipcdev_device_may_copy(device, request->account))
		return ipcdev_device_complete(request, -ENOBUFS, effects);
	effects->became_writable |= !ipcdev_device_has_room(device);
	if (!ipcdev_device_take(device, request, effects)) {
		device->serving = request;
		device->under_way = true;
	}
	ipcdev_device_match(device, effects);
}

/*
 * Ends a parked request with @error, or with the bytes that it has already written.
 * -EINTR counts as interrupted.  False if the request is not parked, and then nothing
 * happens: completed beats cancelled.
 */
bool ipcdev_device_cancel(struct ipcdev_device *device, struct ipcdev_request *request, int error,
			  struct ipcdev_effects *effects)
{
	lockdep_assert_held(&device->lock);
	lockdep_assert(!device->under_way);
	if (request->state != IPCDEV_PARKED)
		return false;
	ipcdev_device_leave(device, request);
	if (error == -EINTR)
		device->statistics.interrupted++;
	ipcdev_device_complete(request, error, effects);
	return true;
}

/*
 * The reader has its bytes.  Call it until the request is no longer IPCDEV_COPYING: a
 * batch may take several steps, which needn't follow each other at once.
 * Requires: the request is IPCDEV_COPYING.
 */
ipcdev_hot void ipcdev_device_copy_done(struct ipcdev_device *device,
					struct ipcdev_request *request,
					struct ipcdev_effects *effects)
{
	lockdep_assert_held(&device->lock);
	WARN_ON_ONCE(request->state != IPCDEV_COPYING);
	if (!request->batch)
		ipcdev_device_finish_copy(device, &request->taken, effects);
	else if (!ipcdev_device_finish_frames(device, request, effects))
		return;
	device->gauges.copies--;
	request->account->copies--;
	request->state = IPCDEV_IDLE;
}

/*
 * The copy to the reader failed.  Its bytes return to the front of what its open has
 * begun; a message of which nothing was read returns whole to the front of the queue.
 * Parked readers get them first.  A message that would return to the queue counts as
 * cleared if CLEAR came in the meantime; if it would be one too many in a ring, the older
 * of it and the head of the queue counts as overwritten.
 * The device may keep @spare (never for a batch); it comes back in
 * ipcdev_effects.retired_pieces of this call or a later one.
 * Requires: the request is IPCDEV_COPYING; for a batch, its pieces in reverse, by
 * ipcdev_chain_reverse().
 */
void ipcdev_device_put_back(struct ipcdev_device *device, struct ipcdev_request *request,
			    struct ipcdev_piece *spare, struct ipcdev_effects *effects)
{
	lockdep_assert_held(&device->lock);
	lockdep_assert(!device->under_way);
	WARN_ON_ONCE(request->state != IPCDEV_COPYING);
	device->gauges.copies--;
	request->account->copies--;
	request->state = IPCDEV_IDLE;
	/* A cleared message may give up its place. */
	effects->became_writable |= !ipcdev_device_has_room(device);
	if (request->batch) {
		ipcdev_chain_add(&effects->retired_pieces, &spare->link);
		device->giving_back = request;
	} else {
		spare->slice = request->taken;
		ipcdev_device_give_back(device, request->open, spare, effects);
	}
	device->under_way = true;
	ipcdev_device_go_on(device, effects);
}

/* -EINVAL as from apply; -EBUSY unless idle.  On error nothing changes. */
int ipcdev_device_configure(struct ipcdev_device *device,
			    const struct ipcdev_settings_change *change)
{
	struct ipcdev_settings next = device->settings;
	int error;

	lockdep_assert_held(&device->lock);
	lockdep_assert(!device->under_way);
	error = ipcdev_device_apply(change, &next);
	if (error)
		return error;
	if (!ipcdev_chain_empty(&device->queue) || device->gauges.begun_messages ||
	    !list_empty(&device->readers) || !list_empty(&device->writers) ||
	    device->gauges.copies)
		return -EBUSY;
	device->settings = next;
	return 0;
}

/* Drops what is queued and admits parked writers.  Leaves alone what an open has begun. */
void ipcdev_device_clear(struct ipcdev_device *device, struct ipcdev_effects *effects)
{
	lockdep_assert_held(&device->lock);
	lockdep_assert(!device->under_way);
	device->cleared_through = device->statistics.messages_written;
	effects->became_writable |= !ipcdev_device_has_room(device);
	device->clearing = true;
	device->under_way = true;
	ipcdev_device_go_on(device, effects);
}

/*
 * Does the next step of a call that moves more messages than one step may.
 * Requires: ipcdev_device.under_way.
 */
void ipcdev_device_go_on(struct ipcdev_device *device, struct ipcdev_effects *effects)
{
	lockdep_assert_held(&device->lock);
	WARN_ON_ONCE(!device->under_way);
	effects->became_readable |= device->held_readable;
	effects->became_writable |= device->held_writable;
	device->held_readable = false;
	device->held_writable = false;
	if (device->gathering)
		ipcdev_device_gather(device, effects);
	if (device->clearing)
		ipcdev_device_drop_queued(device, effects);
	if (device->releasing)
		ipcdev_device_release_begun(device, effects);
	if (device->giving_back)
		ipcdev_device_give_back_frames(device, effects);
	ipcdev_device_match(device, effects);
}

struct ipcdev_poll_mask ipcdev_device_poll_mask(const struct ipcdev_device *device,
						const struct ipcdev_open *open)
{
	lockdep_assert_held(&device->lock);
	lockdep_assert(!device->under_way);
	return (struct ipcdev_poll_mask) {
		.readable = !ipcdev_chain_empty(&open->begun) ||
			    !ipcdev_chain_empty(&device->queue),
		.writable = ipcdev_device_has_room(device),
	};
}

/* In a fifo a message keeps its place until its last byte is taken. */
static bool ipcdev_device_has_room(const struct ipcdev_device *device)
{
	const struct ipcdev_gauges *gauges = &device->gauges;

	return device->settings.mode != IPCDEV_MODE_FIFO ||
	       gauges->queued_messages + gauges->begun_messages < device->settings.depth;
}

/*
 * Is there a place for one more operation, parked or copying?  A parked reader that is
 * given bytes keeps its place.
 */
static bool ipcdev_device_has_place(const struct ipcdev_device *device)
{
	const struct ipcdev_gauges *gauges = &device->gauges;

	return gauges->parked_readers + gauges->parked_writers + gauges->copies <
	       device->limits.operations;
}

/* A user without privilege has a limit of its own, so that others find places too. */
static noinline bool ipcdev_device_may_park(const struct ipcdev_device *device,
					    const struct ipcdev_account *user)
{
	return ipcdev_device_has_place(device) &&
	       (user->privileged || user->parked + user->copies < device->limits.per_user);
}

/*
 * A few copies are always let in.  Otherwise parked writers could shut out for ever the
 * readers that would make room for them.
 */
static bool ipcdev_device_may_copy(const struct ipcdev_device *device,
				   const struct ipcdev_account *user)
{
	return device->gauges.copies < device->limits.copies ||
	       (ipcdev_device_has_place(device) && user->copies < device->limits.copies) ||
	       ipcdev_device_may_park(device, user);
}

/* Or completes it, with why it may not. */
static noinline void ipcdev_device_park(struct ipcdev_device *device,
					struct ipcdev_request *request,
					struct ipcdev_effects *effects)
{
	struct ipcdev_gauges *gauges = &device->gauges;

	if (request->nonblocking)
		return ipcdev_device_complete(request, -EAGAIN, effects);
	if (!ipcdev_device_may_park(device, request->account))
		return ipcdev_device_complete(request, -ENOBUFS, effects);
	request->state = IPCDEV_PARKED;
	if (request->operation == IPCDEV_OP_READ) {
		list_add_tail(&request->hook, &device->readers);
		list_add_tail(&request->open_hook, &request->open->readers);
		gauges->parked_readers++;
		device->statistics.reader_parks++;
	} else {
		list_add_tail(&request->hook, &device->writers);
		gauges->parked_writers++;
		device->statistics.writer_parks++;
	}
	request->account->parked++;
}

/* A request that has moved some bytes reports them rather than the error. */
static void ipcdev_device_complete(struct ipcdev_request *request, int error,
				   struct ipcdev_effects *effects)
{
	request->state = IPCDEV_COMPLETED;
	request->error = request->done ? 0 : error;
	ipcdev_chain_add(&effects->completed, &request->link);
}

/*
 * Queues the writer's messages while there is room and the budget lasts, but at least one.
 * Requires: room for one.
 */
static void ipcdev_device_admit(struct ipcdev_device *device, struct ipcdev_request *request,
				struct ipcdev_effects *effects)
{
	const bool ring = device->settings.mode != IPCDEV_MODE_FIFO;

	do {
		struct ipcdev_message *message = request->message;

		request->message = message->next;
		if (ring && device->gauges.queued_messages == device->settings.depth)
			ipcdev_device_drop_first(device, IPCDEV_FATE_OVERWRITTEN, effects);
		message->sequence = ++device->statistics.messages_written;
		device->statistics.bytes_written += message->size;
		message->whole.slice.message = message;
		message->whole.slice.begin = 0;
		message->whole.slice.end = message->size;
		ipcdev_chain_add(&device->queue, &message->whole.link);
		ipcdev_device_count_queued(device, &message->whole.slice);
		request->done += request->batch ? IPCDEV_FRAME_BYTES(message->size) : message->size;
	} while (request->message && ipcdev_device_has_room(device) && ipcdev_spend(effects));
	effects->became_readable = true;
}

/*
 * Gives the reader what it can have and completes it.  False if the next step has to
 * continue.  Requires: the reader is on no list.
 */
static bool ipcdev_device_take(struct ipcdev_device *device, struct ipcdev_request *request,
			       struct ipcdev_effects *effects)
{
	if (!request->batch)
		ipcdev_device_take_bytes(device, request, effects);
	else if (!ipcdev_device_take_frames(device, request, effects))
		return false;
	device->gauges.copies++;
	request->account->copies++;
	ipcdev_device_complete(request, 0, effects);
	request->state = IPCDEV_COPYING;
	return true;
}

/*
 * As much as the read asks for of the piece that is next, at most all of it.
 * Requires: there is one.
 */
static void ipcdev_device_take_bytes(struct ipcdev_device *device, struct ipcdev_request *request,
				     struct ipcdev_effects *effects)
{
	struct ipcdev_chain *from = ipcdev_device_source(device, request->open);
	struct ipcdev_piece *head = ipcdev_first_piece(from);
	struct ipcdev_slice taken = head->slice;

	taken.end = taken.begin + min_t(u64, request->bytes, ipcdev_slice_size(&taken));
	if (taken.end != head->slice.end) {
		head->slice.begin = taken.end;
	} else {
		ipcdev_chain_pop(from);
		ipcdev_device_discard(head, effects);
	}
	request->taken = taken;
	request->done = ipcdev_slice_size(&taken);
	ipcdev_device_count_taken(device, request->open, from, &taken, effects);
}

/* The first message fits: submit_read has checked.  False if the next step has to continue. */
static noinline __flatten bool ipcdev_device_take_frames(struct ipcdev_device *device,
							 struct ipcdev_request *request,
							 struct ipcdev_effects *effects)
{
	u32 done = request->done;
	bool through = false;

	if (!done)
		ipcdev_chain_init(&request->pieces);
	while (!device->gathering) {
		struct ipcdev_chain *from = ipcdev_device_source(device, request->open);
		struct ipcdev_piece *head = ipcdev_first_piece(from);
		u32 bytes = head ? IPCDEV_FRAME_BYTES(ipcdev_slice_size(&head->slice)) : 0;

		through = !head || bytes > request->bytes - done ||
			  (device->out_of_turn && from == &device->queue);
		if (through || !ipcdev_spend(effects))
			break;
		ipcdev_chain_pop(from);
		ipcdev_chain_add(&request->pieces, &head->link);
		done += bytes;
		ipcdev_device_count_taken(device, request->open, from, &head->slice, effects);
	}
	request->done = done;
	return through;
}

/* Where the open's next read finds its bytes. */
static struct ipcdev_chain *ipcdev_device_source(struct ipcdev_device *device,
						 struct ipcdev_open *open)
{
	return ipcdev_chain_empty(&open->begun) ? &device->queue : &open->begun;
}

/* The slice now belongs to the reader, and the open begins what is left of the message. */
static void ipcdev_device_count_taken(struct ipcdev_device *device, struct ipcdev_open *open,
				      const struct ipcdev_chain *from,
				      const struct ipcdev_slice *slice,
				      struct ipcdev_effects *effects)
{
	slice->message->copying += ipcdev_slice_size(slice);
	if (from != &device->queue)
		return ipcdev_device_count_unbegun(device, slice);
	ipcdev_device_count_unqueued(device, slice);
	if (slice->message->queued) {
		device->gathering = slice->message;
		device->gatherer = open;
		device->beginning = true;
		ipcdev_device_gather(device, effects);
	}
}

/*
 * Moves all pieces of a message from the queue to what an open has begun, or back, where
 * they become one whole piece again.  They are almost always the first pieces; after faults
 * others may precede them, and those keep their order.  If the budget runs out here, nothing
 * else happens in this step.
 */
static noinline void ipcdev_device_gather(struct ipcdev_device *device,
					  struct ipcdev_effects *effects)
{
	struct ipcdev_message *message = device->gathering;
	struct ipcdev_chain *begun = &device->gatherer->begun;
	struct ipcdev_chain *from = device->beginning ? &device->queue : begun;
	const u32 *left = device->beginning ? &message->queued : &message->begun;

	while (*left && ipcdev_spend(effects)) {
		struct ipcdev_piece *piece = ipcdev_next_piece(from);

		if (piece->slice.message != message) {
			ipcdev_chain_add_first(&device->aside, &piece->link);
		} else if (device->beginning) {
			ipcdev_device_count_unqueued(device, &piece->slice);
			ipcdev_device_count_begun(device, &piece->slice);
			ipcdev_chain_add(begun, &piece->link);
		} else {
			ipcdev_device_count_unbegun(device, &piece->slice);
			ipcdev_device_discard(piece, effects);
		}
	}
	while (!*left && !ipcdev_chain_empty(&device->aside) && ipcdev_spend(effects))
		ipcdev_chain_add_first(from, ipcdev_chain_pop(&device->aside));
	if (*left || !ipcdev_chain_empty(&device->aside)) {
		device->under_way = true;
		return;
	}
	device->gathering = NULL;
	if (!device->beginning)
		ipcdev_device_requeue(device, message, effects);
}

/* Unparks the request, if it is parked. */
static void ipcdev_device_leave(struct ipcdev_device *device, struct ipcdev_request *request)
{
	if (request->state != IPCDEV_PARKED)
		return;
	request->state = IPCDEV_IDLE;
	request->account->parked--;
	list_del_init(&request->hook);
	if (request->operation == IPCDEV_OP_READ) {
		list_del_init(&request->open_hook);
		device->gauges.parked_readers--;
	} else {
		device->gauges.parked_writers--;
	}
}

/*
 * Completes the parked requests that can proceed, until none can.  Pollers get no edge for
 * a state that did not last.
 */
static void ipcdev_device_match(struct ipcdev_device *device, struct ipcdev_effects *effects)
{
	bool left = false;

	if (device->under_way || !list_empty(&device->readers) || !list_empty(&device->writers))
		left = ipcdev_device_serve_parked(device, effects);
	if (effects->became_readable)
		effects->became_readable = !ipcdev_chain_empty(&device->queue);
	if (left)
		effects->became_readable = true;
	if (effects->became_writable)
		effects->became_writable = ipcdev_device_has_room(device);
}

/* Returns when nobody can proceed, or when the budget runs out: the next step continues. */
static noinline bool ipcdev_device_serve_parked(struct ipcdev_device *device,
						struct ipcdev_effects *effects)
{
	bool left;

	while (effects->budget) {
		struct ipcdev_request *request = ipcdev_device_next_to_serve(device);

		if (!request) {
			struct ipcdev_request *arriving = device->arriving;

			device->arriving = NULL;
			device->under_way = false;
			if (arriving)
				ipcdev_device_park(device, arriving, effects);
			left = device->left_begun;
			device->left_begun = false;
			return left;
		}
		device->serving = ipcdev_device_serve(device, request, effects) ? NULL : request;
	}
	device->under_way = true;
	device->held_readable = effects->became_readable;
	device->held_writable = effects->became_writable;
	effects->became_readable = false;
	effects->became_writable = false;
	return false;
}

/*
 * NULL if nobody can proceed.  What an open has begun goes to its own parked reads before
 * anything goes to others.  Only @continuing can have both bytes begun and parked reads.
 */
static struct ipcdev_request *ipcdev_device_next_to_serve(struct ipcdev_device *device)
{
	struct ipcdev_open *open = device->continuing;

	if (device->serving)
		return device->serving;
	if (open && !ipcdev_chain_empty(&open->begun)) {
		struct ipcdev_request *next = list_first_entry_or_null(&open->readers,
								       struct ipcdev_request,
								       open_hook);

		if (next) {
			device->out_of_turn = next->hook.prev != &device->readers;
			return next;
		}
		device->left_begun = true;
	}
	device->continuing = NULL;
	device->out_of_turn = false;
	if (!ipcdev_chain_empty(&device->queue) && !list_empty(&device->readers))
		return list_first_entry(&device->readers, struct ipcdev_request, hook);
	if (!ipcdev_device_has_room(device))
		return NULL;
	if (device->arriving)
		return device->arriving;
	return list_first_entry_or_null(&device->writers, struct ipcdev_request, hook);
}

/*
 * False if the next step can move more of its messages.
 * Requires: @effects->budget above 0.
 */
static bool ipcdev_device_serve(struct ipcdev_device *device, struct ipcdev_request *request,
				struct ipcdev_effects *effects)
{
	if (request->operation == IPCDEV_OP_READ) {
		if (request->state == IPCDEV_PARKED) {
			ipcdev_device_leave(device, request);
			device->continuing = request->open;
		}
		effects->budget -= request->batch ? 0 : 1; /* take_frames spends one each */
		return ipcdev_device_take(device, request, effects);
	}
	effects->budget--;
	ipcdev_device_admit(device, request, effects);
	if (request->message)
		return !ipcdev_device_has_room(device);
	device->arriving = NULL; /* if set, this request: no writer is parked while one arrives */
	ipcdev_device_leave(device, request);
	ipcdev_device_complete(request, 0, effects);
	return true;
}

/* The reader has the bytes. */
static void ipcdev_device_finish_copy(struct ipcdev_device *device,
				      const struct ipcdev_slice *slice,
				      struct ipcdev_effects *effects)
{
	device->statistics.bytes_read += ipcdev_slice_size(slice);
	slice->message->copying -= ipcdev_slice_size(slice);
	ipcdev_device_settle(device, slice->message, IPCDEV_FATE_READ, effects);
}

/* Finishes frames while the budget lasts.  False if some are left. */
static noinline __flatten bool ipcdev_device_finish_frames(struct ipcdev_device *device,
							   struct ipcdev_request *request,
							   struct ipcdev_effects *effects)
{
	struct ipcdev_piece *piece;

	while ((piece = ipcdev_first_piece(&request->pieces))) {
		const struct ipcdev_slice slice = piece->slice;

		if (!ipcdev_spend(effects))
			return false;
		ipcdev_chain_pop(&request->pieces);
		ipcdev_device_discard(piece, effects);
		ipcdev_device_finish_copy(device, &slice, effects);
	}
	return true;
}

/*
 * Returns what a reader could not use to the front of what its open has begun: widens the
 * first piece if that continues the same message, or else adds a piece.  A message that has
 * all its bytes back is no longer begun: it returns to the queue.
 */
static void ipcdev_device_give_back(struct ipcdev_device *device, struct ipcdev_open *open,
				    struct ipcdev_piece *piece, struct ipcdev_effects *effects)
{
	const struct ipcdev_slice slice = piece->slice;
	struct ipcdev_message *message = slice.message;
	struct ipcdev_piece *head = ipcdev_first_piece(&open->begun);

	message->copying -= ipcdev_slice_size(&slice);
	if (message->begun + ipcdev_slice_size(&slice) == message->size) {
		ipcdev_device_discard(piece, effects);
		device->gathering = message;
		device->gatherer = open;
		device->beginning = false;
		return ipcdev_device_gather(device, effects);
	}
	if (head && head->slice.message == message && head->slice.begin == slice.end) {
		head->slice.begin = slice.begin;
		ipcdev_device_discard(piece, effects);
	} else if (ipcdev_is_linked(&message->whole.link)) {
		ipcdev_chain_add_first(&open->begun, &piece->link);
	} else {
		message->whole.slice = slice;
		ipcdev_chain_add_first(&open->begun, &message->whole.link);
		ipcdev_device_discard(piece, effects);
	}
	ipcdev_device_count_begun(device, &slice);
	device->continuing = open;
}

/* Gives back the pieces of a batch, the last one first. */
static void ipcdev_device_give_back_frames(struct ipcdev_device *device,
					   struct ipcdev_effects *effects)
{
	struct ipcdev_request *request = device->giving_back;
	struct ipcdev_chain *backwards = &request->pieces;

	while (!ipcdev_chain_empty(backwards) && ipcdev_spend(effects))
		ipcdev_device_give_back(device, request->open, ipcdev_next_piece(backwards),
					effects);
	if (ipcdev_chain_empty(backwards))
		device->giving_back = NULL;
}

/*
 * Returns a message of which nothing was read to the front of the queue, unless it has
 * been cleared or overwritten in the meantime.
 */
static void ipcdev_device_requeue(struct ipcdev_device *device, struct ipcdev_message *message,
				  struct ipcdev_effects *effects)
{
	struct ipcdev_piece *whole = &message->whole;
	const struct ipcdev_piece *head = ipcdev_first_piece(&device->queue);

	if (message->sequence <= device->cleared_through)
		return ipcdev_device_settle(device, message, IPCDEV_FATE_CLEARED, effects);
	if (device->settings.mode != IPCDEV_MODE_FIFO &&
	    device->gauges.queued_messages == device->settings.depth) {
		if (message->sequence < head->slice.message->sequence)
			return ipcdev_device_settle(device, message, IPCDEV_FATE_OVERWRITTEN,
						    effects);
		ipcdev_device_drop_first(device, IPCDEV_FATE_OVERWRITTEN, effects);
	}
	whole->slice.message = message;
	whole->slice.begin = 0;
	whole->slice.end = message->size;
	ipcdev_chain_add_first(&device->queue, &whole->link);
	ipcdev_device_count_queued(device, &whole->slice);
	effects->became_readable = true;
}

/* For clear: as many as the step may still move. */
static void ipcdev_device_drop_queued(struct ipcdev_device *device, struct ipcdev_effects *effects)
{
	while (!ipcdev_chain_empty(&device->queue) && ipcdev_spend(effects))
		ipcdev_device_drop_first(device, IPCDEV_FATE_CLEARED, effects);
	device->clearing = !ipcdev_chain_empty(&device->queue);
}

/* The piece at the head of the queue; @fate is its message's, if nothing else of it is left. */
static noinline void ipcdev_device_drop_first(struct ipcdev_device *device, enum ipcdev_fate fate,
					      struct ipcdev_effects *effects)
{
	struct ipcdev_piece *piece = ipcdev_next_piece(&device->queue);
	struct ipcdev_message *message = piece->slice.message;

	ipcdev_device_count_unqueued(device, &piece->slice);
	ipcdev_device_discard(piece, effects);
	ipcdev_device_settle(device, message, fate, effects);
}

/*
 * Returns what a released open had begun to the front of the queue, in order.  A ring drops
 * it instead.
 */
static void ipcdev_device_release_begun(struct ipcdev_device *device,
					struct ipcdev_effects *effects)
{
	struct ipcdev_chain *begun = &device->releasing->begun;

	while (!ipcdev_chain_empty(begun) && ipcdev_spend(effects)) {
		struct ipcdev_piece *piece = ipcdev_next_piece(begun);
		struct ipcdev_message *message = piece->slice.message;

		ipcdev_device_count_unbegun(device, &piece->slice);
		if (device->settings.mode == IPCDEV_MODE_FIFO) {
			ipcdev_chain_add_first(&device->aside, &piece->link);
			continue;
		}
		device->statistics.bytes_truncated += ipcdev_slice_size(&piece->slice);
		ipcdev_device_discard(piece, effects);
		ipcdev_device_settle(device, message, IPCDEV_FATE_READ, effects);
	}
	while (ipcdev_chain_empty(begun) && !ipcdev_chain_empty(&device->aside) &&
	       ipcdev_spend(effects)) {
		struct ipcdev_piece *piece = ipcdev_next_piece(&device->aside);

		ipcdev_chain_add_first(&device->queue, &piece->link);
		ipcdev_device_count_queued(device, &piece->slice);
		effects->became_readable = true;
	}
	if (ipcdev_chain_empty(begun) && ipcdev_chain_empty(&device->aside))
		device->releasing = NULL;
}

/* Returns an empty piece to the caller, unless it is the message's own. */
static void ipcdev_device_discard(struct ipcdev_piece *piece, struct ipcdev_effects *effects)
{
	if (piece != &piece->slice.message->whole)
		ipcdev_chain_add(&effects->retired_pieces, &piece->link);
}

/*
 * The four count the bytes of a slice in and out, of the queue and of what is begun, for its
 * message and for the gauges.
 */
static void ipcdev_device_count_queued(struct ipcdev_device *device,
				       const struct ipcdev_slice *slice)
{
	struct ipcdev_message *message = slice->message;

	if (!message->queued)
		device->gauges.queued_messages++;
	device->gauges.queued_bytes += ipcdev_slice_size(slice);
	message->queued += ipcdev_slice_size(slice);
}

static void ipcdev_device_count_unqueued(struct ipcdev_device *device,
					 const struct ipcdev_slice *slice)
{
	struct ipcdev_message *message = slice->message;

	message->queued -= ipcdev_slice_size(slice);
	device->gauges.queued_bytes -= ipcdev_slice_size(slice);
	if (!message->queued)
		device->gauges.queued_messages--;
}

static void ipcdev_device_count_begun(struct ipcdev_device *device,
				      const struct ipcdev_slice *slice)
{
	struct ipcdev_message *message = slice->message;

	if (!message->begun)
		device->gauges.begun_messages++;
	message->begun += ipcdev_slice_size(slice);
}

static void ipcdev_device_count_unbegun(struct ipcdev_device *device,
					const struct ipcdev_slice *slice)
{
	struct ipcdev_message *message = slice->message;

	message->begun -= ipcdev_slice_size(slice);
	if (!message->begun)
		device->gauges.begun_messages--;
}

/* Retires the message once none of its bytes waits or is being copied. */
static void ipcdev_device_settle(struct ipcdev_device *device, struct ipcdev_message *message,
				 enum ipcdev_fate fate, struct ipcdev_effects *effects)
{
	if (message->queued || message->begun || message->copying)
		return;
	switch (fate) {
	case IPCDEV_FATE_READ:
		device->statistics.messages_read++;
		break;
	case IPCDEV_FATE_OVERWRITTEN:
		device->statistics.messages_overwritten++;
		break;
	case IPCDEV_FATE_CLEARED:
		device->statistics.messages_cleared++;
		break;
	}
	ipcdev_chain_add(&effects->retired_messages, &message->link);
}
