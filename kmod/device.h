/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The behaviour of /dev/ipcdev as a deterministic state machine: requests go
 * in, completions come out.  It mirrors common/device.h: the same states, the
 * same functions in the same order.  It does not sleep, allocate or copy bytes,
 * so it can run under a spinlock, and it also compiles in user space, where the
 * tests compare it with the original.
 *
 * Requires: the caller holds ipcdev_device.lock, which guards all of it.
 *
 * One step of a call moves no more messages than ipcdev_effects.budget allows, so the lock
 * is never held for long.  While ipcdev_device.under_way is set a call is unfinished, and
 * ipcdev_device_go_on() is the only call allowed besides ipcdev_device_open(), by whoever
 * takes the lock next; so nobody sees a call half done.
 *
 * A slot is a ring of depth 1; what is said of a ring holds for both.
 *
 * Invariants, true whenever the lock is free and no call is under way:
 *   - a read is parked only while the queue is empty and its open has begun nothing;
 *   - writers are parked only while a fifo is full: depth messages are queued or begun, or
 *     more if copies were put back; never in a ring;
 *   - all lists of parked requests are in order of arrival, and a parked read is on the
 *     device's list and on its open's;
 *   - the waiting bytes of a message are all in the queue, or one open has begun it;
 *   - a ring's queue holds at most depth messages, each whole and in one piece; among those
 *     of a fifo may be remainders of messages that a released open had begun;
 *   - messages_written = messages_read + queued + begun + overwritten + cleared, when
 *     no copy is under way.
 */
#ifndef IPCDEV_DEVICE_H
#define IPCDEV_DEVICE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "chain.h"
#include "ipcdev.h"

/*
 * The most messages that one step moves: as many as a queue of the default depth
 * holds.
 */
#define IPCDEV_STEP_MESSAGES IPCDEV_DEPTH_DEFAULT

/*
 * The module is a single translation unit, unit.c, so that the compiler can inline the
 * whole path of a call: Kbuild makes functions declared with this inline there.  Elsewhere
 * device.c is a unit of its own.  A static function of device.c is noinline if a plain call
 * that needn't wait does not go through it.
 */
#ifndef ipcdev_hot
#define ipcdev_hot
#endif

struct ipcdev_message;

/**
 * struct ipcdev_slice - the bytes [begin, end) of a message's payload
 */
struct ipcdev_slice {
	struct ipcdev_message *message;
	u32 begin;
	u32 end;
};

static inline u32 ipcdev_slice_size(const struct ipcdev_slice *slice)
{
	return slice->end - slice->begin;
}

/**
 * struct ipcdev_piece - consecutive bytes of a message that wait together
 * @link:	in ipcdev_device.queue or, while a message is gathered from there,
 *		ipcdev_device.aside; in ipcdev_open.begun, ipcdev_request.pieces or
 *		ipcdev_effects.retired_pieces
 * @slice:	these bytes
 *
 * A message arrives as one piece, its own @whole.  It needs a second one only if
 * a read returns bytes after another read of the same open has taken those that
 * follow.  A batch read takes whole pieces.
 */
struct ipcdev_piece {
	struct ipcdev_link link;
	struct ipcdev_slice slice;
};

/* What became of a message, for the statistics. */
enum ipcdev_fate { IPCDEV_FATE_READ, IPCDEV_FATE_OVERWRITTEN, IPCDEV_FATE_CLEARED };

/**
 * struct ipcdev_message - a message on its way through the device
 * @link:	in ipcdev_effects.retired_messages
 * @next:	of the same write; valid until it is admitted
 * @whole:	links it into the queue
 * @sequence:	counts all messages admitted, from 1
 * @size:	bytes of payload, 1 to max_message
 * @queued:	bytes that wait in the queue
 * @begun:	bytes that wait for the open that has begun it
 * @copying:	bytes that a reader was given and is copying out
 *
 * The bytes belong to whoever embeds this.  Those that wait are in one place:
 * either all are queued, and then none is being copied; or one open has begun the
 * message, and then only reads of that open copy from it.  It is retired when
 * @queued, @begun and @copying are 0: nobody can read it any more.
 */
struct ipcdev_message {
	struct ipcdev_link link;
	struct ipcdev_message *next;
	struct ipcdev_piece whole;
	u64 sequence;
	u32 size;
	u32 queued;
	u32 begun;
	u32 copying;
};

ipcdev_hot void ipcdev_message_init(struct ipcdev_message *message, u32 size);

enum ipcdev_operation { IPCDEV_OP_READ, IPCDEV_OP_WRITE };

/* idle -> (parked ->) completed -> copying (reads that got bytes) -> idle */
enum ipcdev_request_state { IPCDEV_IDLE, IPCDEV_PARKED, IPCDEV_COMPLETED, IPCDEV_COPYING };

/**
 * struct ipcdev_account - a user's share of the limits
 * @privileged:	set by the caller, who owns it: only the limit for the whole
 *		device applies
 * @parked:	requests
 * @copies:	reads given bytes, neither done nor put back
 */
struct ipcdev_account {
	bool privileged;
	u32 parked;
	u32 copies;
};

/**
 * struct ipcdev_open - the device's view of an open file description, which dup
 *			and fork share
 * @begun:	what is left of the messages it has begun, the next bytes first.
 *		Usually one piece, the end of one message; copies that fault may add
 *		pieces, also of other messages
 * @readers:	its parked reads, in order of arrival
 *
 * The caller owns it.  It must outlive the call that ipcdev_device_release() starts (see
 * ipcdev_device.under_way).  Its fields are the device's.
 */
struct ipcdev_open {
	struct ipcdev_chain begun;
	struct list_head readers;
};

void ipcdev_open_init(struct ipcdev_open *open);

/**
 * struct ipcdev_request - one read or write
 * @hook:	 in a list of parked requests
 * @open_hook:	 a parked read: in ipcdev_open.readers
 * @link:	 in ipcdev_effects.completed
 * @account:	 set by the caller: who is charged for it; outlives the request
 * @open:	 set by the caller: that it came by; released only after the
 *		 request is over
 * @operation:	 set by submit
 * @nonblocking: set by the caller: don't park
 * @batch:	 set by the caller: it moves frames, not the bytes of one message
 * @bytes:	 set by the caller: count of the read, size of the message or of
 *		 all frames
 * @largest:	 set by the caller: write with @batch: bytes of its largest message
 * @message:	 set by the caller: the payload of a write, or with @batch a
 *		 chain of them linked by ipcdev_message.next.  As the device
 *		 admits a message it takes it and advances this to the next;
 *		 what is left here at the end is the caller's
 * @state:	 the device's
 * @error:	 0 or a negative errno, once completed
 * @done:	 bytes written, or to be copied to the reader; with @batch those
 *		 of whole frames
 * @taken:	 read: the @done bytes that were taken
 * @pieces:	 read with @batch, instead of @taken: one for each frame; valid
 *		 until copy_done or put_back has done its last step
 */
struct ipcdev_request {
	struct list_head hook;
	struct list_head open_hook;
	struct ipcdev_link link;
	struct ipcdev_account *account;
	struct ipcdev_open *open;
	enum ipcdev_operation operation;
	bool nonblocking;
	bool batch;
	u64 bytes;
	u64 largest;
	struct ipcdev_message *message;
	enum ipcdev_request_state state;
	int error;
	u32 done;
	struct ipcdev_slice taken;
	struct ipcdev_chain pieces;
};

ipcdev_hot void ipcdev_request_init(struct ipcdev_request *request);

/**
 * struct ipcdev_effects - what one call of the device changed for others
 * @budget:	how many messages, or pieces of one, may be moved besides the
 *		first.  ipcdev_device_go_on() does the rest
 * @completed:	requests to be answered, in the order in which they completed
 * @retired_messages: to be freed: none of their bytes is left
 * @retired_pieces: to be freed: spares of put_back that are no longer needed
 * @became_readable: an edge for pollers: a message was queued or given back,
 *		or parked reads left some of what they began
 * @became_writable: an edge for pollers: a full fifo got room
 */
struct ipcdev_effects {
	u32 budget;
	struct ipcdev_chain completed;
	struct ipcdev_chain retired_messages;
	struct ipcdev_chain retired_pieces;
	bool became_readable;
	bool became_writable;
};

ipcdev_hot void ipcdev_effects_init(struct ipcdev_effects *effects);

/* Spends one.  False if the budget of this step is used up. */
static inline bool ipcdev_spend(struct ipcdev_effects *effects)
{
	if (!effects->budget)
		return false;
	effects->budget--;
	return true;
}

static inline struct ipcdev_request *ipcdev_next_completed(struct ipcdev_effects *effects)
{
	struct ipcdev_link *link = ipcdev_chain_pop(&effects->completed);

	return link ? container_of(link, struct ipcdev_request, link) : NULL;
}

static inline struct ipcdev_message *ipcdev_next_retired(struct ipcdev_effects *effects)
{
	struct ipcdev_link *link = ipcdev_chain_pop(&effects->retired_messages);

	return link ? container_of(link, struct ipcdev_message, link) : NULL;
}

static inline struct ipcdev_piece *ipcdev_next_piece(struct ipcdev_chain *chain)
{
	struct ipcdev_link *link = ipcdev_chain_pop(chain);

	return link ? container_of(link, struct ipcdev_piece, link) : NULL;
}

/* The first one, left in the chain; NULL if there is none. */
static inline struct ipcdev_piece *ipcdev_first_piece(const struct ipcdev_chain *chain)
{
	return chain->first ? container_of(chain->first, struct ipcdev_piece, link) : NULL;
}

struct ipcdev_settings {
	u32 mode;		/* IPCDEV_MODE_* */
	u32 depth;		/* messages; 1 for a slot */
	u32 max_message;	/* bytes */
};

/* Settings to change; 0 keeps.  As struct ipcdev_configure has them. */
struct ipcdev_settings_change {
	u32 mode;
	u32 depth;
	u32 max_message;
};

/* Those of ipcdev.h.  Tests set lower ones, to reach every state at a limit. */
struct ipcdev_limits {
	u32 operations;		/* parked, and copies under way */
	u32 per_user;		/* those of one account without privilege */
	u32 copies;		/* let in beyond both of them */
};

struct ipcdev_gauges {
	u32 queued_messages;	/* messages with a byte in the queue */
	u32 begun_messages;	/* messages with a byte waiting for the open that began them */
	u64 queued_bytes;
	u32 parked_readers;
	u32 parked_writers;
	u32 opens;
	u32 copies;		/* reads given bytes, neither done nor put back */
};

/* As struct ipcdev_stats has them. */
struct ipcdev_statistics {
	u64 messages_written;
	u64 bytes_written;
	u64 messages_read;
	u64 bytes_read;
	u64 messages_overwritten;
	u64 bytes_truncated;
	u64 messages_cleared;
	u64 reader_parks;
	u64 writer_parks;
	u64 interrupted;
};

struct ipcdev_poll_mask {
	bool readable;		/* a message waits, in the queue or begun by this open */
	bool writable;		/* a write of max_message would not park */
};

/**
 * struct ipcdev_device - the queue and the requests that wait for it
 * @lock:	guards all that follows, and the requests and messages on its lists
 * @settings:	as configured
 * @limits:	those of ipcdev.h
 * @gauges:	the present values
 * @queue:	pieces to be read, oldest first
 * @readers:	parked, in the order in which they will be served
 * @writers:	parked, each still holding its message
 * @statistics:	since the device began
 * @cleared_through: sequence of the last message admitted before the last clear
 * @under_way:	a call is unfinished.  What is left to do, in this order:
 * @gathering:	move the waiting bytes of this message between the queue and
 * @gatherer:	what this open has begun:
 * @beginning:	true: from the queue to the open; false: back
 * @aside:	pieces that preceded those, the last one first
 * @clearing:	drop what is queued
 * @releasing:	return what this open has begun, or drop it
 * @giving_back: return the frames of this batch read
 * @serving:	move more messages of this request
 * @continuing:	this open has got bytes: serve its parked reads from them
 * @out_of_turn: and from nothing else: other readers came earlier
 * @arriving:	a batch write on no list yet; park it if it must wait
 * @left_begun:	they left some, which is an edge
 * @held_readable: edges from earlier steps
 * @held_writable: likewise
 *
 * The order puts what every call needs into the first two cache lines.
 */
struct ipcdev_device {
	spinlock_t lock; /* all that follows, and what is on its lists */
	struct ipcdev_settings settings;
	struct ipcdev_limits limits;
	struct ipcdev_gauges gauges;
	struct ipcdev_chain queue;
	struct list_head readers;
	struct list_head writers;
	struct ipcdev_statistics statistics;
	u64 cleared_through;
	bool under_way;
	bool beginning;
	bool clearing;
	bool out_of_turn;
	bool left_begun;
	bool held_readable;
	bool held_writable;
	struct ipcdev_message *gathering;
	struct ipcdev_open *gatherer;
	struct ipcdev_chain aside;
	struct ipcdev_open *releasing;
	struct ipcdev_request *giving_back;
	struct ipcdev_request *serving;
	struct ipcdev_open *continuing;
	struct ipcdev_request *arriving;
};

void ipcdev_device_init(struct ipcdev_device *device, const struct ipcdev_settings *settings);

int ipcdev_device_apply(const struct ipcdev_settings_change *change, struct ipcdev_settings *now);
void ipcdev_device_open(struct ipcdev_device *device, struct ipcdev_open *open);
void ipcdev_device_release(struct ipcdev_device *device, struct ipcdev_open *open,
			   struct ipcdev_effects *effects);
ipcdev_hot void ipcdev_device_submit_write(struct ipcdev_device *device,
					   struct ipcdev_request *request,
					   struct ipcdev_effects *effects);
ipcdev_hot void ipcdev_device_submit_read(struct ipcdev_device *device,
					  struct ipcdev_request *request,
					  struct ipcdev_effects *effects);
bool ipcdev_device_cancel(struct ipcdev_device *device, struct ipcdev_request *request, int error,
			  struct ipcdev_effects *effects);
ipcdev_hot void ipcdev_device_copy_done(struct ipcdev_device *device,
					struct ipcdev_request *request,
					struct ipcdev_effects *effects);
void ipcdev_device_put_back(struct ipcdev_device *device, struct ipcdev_request *request,
			    struct ipcdev_piece *spare, struct ipcdev_effects *effects);
int ipcdev_device_configure(struct ipcdev_device *device,
			    const struct ipcdev_settings_change *change);
void ipcdev_device_clear(struct ipcdev_device *device, struct ipcdev_effects *effects);
void ipcdev_device_go_on(struct ipcdev_device *device, struct ipcdev_effects *effects);
struct ipcdev_poll_mask ipcdev_device_poll_mask(const struct ipcdev_device *device,
						const struct ipcdev_open *open);

#endif /* IPCDEV_DEVICE_H */
