/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The behaviour of /dev/ipcdev as a deterministic state machine: requests go
 * in, completions come out.  The mirror of common/device.h: the same states,
 * the same functions in the same order.  It neither sleeps, allocates nor
 * copies a byte, so that it runs under a spinlock, and also compiles in user
 * space, where the tests hold it against the original.
 *
 * All of it is guarded by ipcdev_device.lock; who calls holds that.
 *
 * A call moves no more messages than ipcdev_effects.budget allows, so that the lock is
 * never held for long.  While ipcdev_device.under_way says that it isn't through,
 * ipcdev_go_on() is the only call allowed, by whoever takes the lock next; so nobody sees
 * it half done.
 *
 * Invariants, true whenever the lock is free and no call is under way:
 *   - readers are parked only while the queue is empty;
 *   - writers are parked only while a fifo is full; never in slot mode;
 *   - both lists of parked requests are in order of arrival;
 *   - messages_written = messages_read + queued + overwritten + cleared, when
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
 * Messages that one step moves at most: as many as a queue holds with the default
 * settings.
 */
#define IPCDEV_STEP_MESSAGES IPCDEV_DEPTH_DEFAULT

/*
 * The module is one unit for the compiler, unit.c, so that it builds a call's way
 * through the device into one piece: what is declared with this is inlined there, by
 * Kbuild.  Elsewhere device.c is a unit of its own.  Of device.c's own functions those
 * that are noinline aren't on the way of a plain call that needn't wait.
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
 * struct ipcdev_piece - an entry of the queue
 * @link:	in ipcdev_device.queue, ipcdev_request.pieces or
 *		ipcdev_effects.returned
 * @slice:	what waits
 *
 * A message arrives as one piece, its own @whole.  It takes a second one only
 * when a reader gives bytes back after another reader has taken those behind
 * them.  A batch read takes whole pieces off the queue.
 */
struct ipcdev_piece {
	struct ipcdev_link link;
	struct ipcdev_slice slice;
};

/* What became of a message, for the statistics. */
enum ipcdev_fate { IPCDEV_FATE_READ, IPCDEV_FATE_OVERWRITTEN, IPCDEV_FATE_CLEARED };

/**
 * struct ipcdev_message - a message on its way through the device
 * @link:	in ipcdev_effects.retired
 * @next:	of the same write; until it is admitted
 * @whole:	how it arrives in the queue
 * @sequence:	its place among all messages admitted, from 1
 * @size:	bytes of payload, 1 to max_message
 * @queued:	bytes that wait in the queue
 * @copying:	bytes that a reader was given and is copying out
 * @fate:	decided by the last that happened to it other than being read
 *
 * The bytes belong to whoever embeds this.  It is retired when @queued and
 * @copying are both 0: nobody can ask for its bytes any more.
 */
struct ipcdev_message {
	struct ipcdev_link link;
	struct ipcdev_message *next;
	struct ipcdev_piece whole;
	u64 sequence;
	u32 size;
	u32 queued;
	u32 copying;
	enum ipcdev_fate fate;
};

ipcdev_hot void ipcdev_message_init(struct ipcdev_message *message, u32 size);

enum ipcdev_operation { IPCDEV_OP_READ, IPCDEV_OP_WRITE };

/* idle -> (parked ->) completed -> copying (reads that got bytes) -> idle */
enum ipcdev_request_state { IPCDEV_IDLE, IPCDEV_PARKED, IPCDEV_COMPLETED, IPCDEV_COPYING };

/**
 * struct ipcdev_account - a user, and what the device has of theirs
 * @privileged:	set by the caller, who owns it: may have as much as all together
 * @parked:	requests
 * @copies:	reads given bytes, neither done nor put back
 */
struct ipcdev_account {
	bool privileged;
	u32 parked;
	u32 copies;
};

/**
 * struct ipcdev_request - one read or write
 * @hook:	 in a list of parked requests
 * @link:	 in ipcdev_effects.completed
 * @account:	 set by the caller: of whom it is; outlives the request
 * @operation:	 set by submit
 * @nonblocking: set by the caller: don't park
 * @batch:	 set by the caller: it moves frames, not the bytes of one message
 * @bytes:	 set by the caller: count of the read, size of the message or of
 *		 all frames
 * @largest:	 set by the caller: write with @batch: bytes of its largest message
 * @message:	 set by the caller: payloads of a write, one, or with @batch a
 *		 chain by ipcdev_message.next.  The device takes each, and sets
 *		 the next one, when it is admitted; what is left at the end is
 *		 the caller's
 * @state:	 the device's
 * @error:	 0 or a negative errno, once completed
 * @done:	 bytes written, or bytes to copy to the reader; frames counted
 *		 whole
 * @taken:	 read: what was taken; @done bytes from its begin are the reader's
 * @pieces:	 read with @batch: what was taken instead, a frame each; valid
 *		 while @state is IPCDEV_COPYING
 */
struct ipcdev_request {
	struct list_head hook;
	struct ipcdev_link link;
	struct ipcdev_account *account;
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
 * struct ipcdev_effects - what one call of the device makes true for others
 * @budget:	messages that may be moved besides the first.  ipcdev_go_on() does what is
 *		left
 * @completed:	requests to be answered, in the order in which they completed
 * @retired:	messages to be freed: no byte of them is left
 * @returned:	spare pieces of put_back that are no longer needed
 * @became_readable: a poller's edge: a message was queued
 * @became_writable: a poller's edge: a full fifo got room
 */
struct ipcdev_effects {
	u32 budget;
	struct ipcdev_chain completed;
	struct ipcdev_chain retired;
	struct ipcdev_chain returned;
	bool became_readable;
	bool became_writable;
};

ipcdev_hot void ipcdev_effects_init(struct ipcdev_effects *effects);

/* One more message?  False: not in this step. */
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
	struct ipcdev_link *link = ipcdev_chain_pop(&effects->retired);

	return link ? container_of(link, struct ipcdev_message, link) : NULL;
}

static inline struct ipcdev_piece *ipcdev_next_piece(struct ipcdev_chain *chain)
{
	struct ipcdev_link *link = ipcdev_chain_pop(chain);

	return link ? container_of(link, struct ipcdev_piece, link) : NULL;
}

/* The first in the queue, which stays there; NULL if there is none. */
static inline struct ipcdev_piece *ipcdev_first_piece(const struct ipcdev_chain *chain)
{
	return chain->first ? container_of(chain->first, struct ipcdev_piece, link) : NULL;
}

struct ipcdev_settings {
	u32 mode;		/* IPCDEV_MODE_* */
	u32 depth;		/* messages; 1 in slot mode */
	u32 max_message;	/* bytes */
};

/* Settings to change; 0 keeps.  As struct ipcdev_configure has them. */
struct ipcdev_settings_change {
	u32 mode;
	u32 depth;
	u32 max_message;
};

/* As ipcdev.h has them.  Tests take less, to see every state at a limit. */
struct ipcdev_limits {
	u32 operations;		/* parked, and copies under way */
	u32 per_user;		/* those of one account without privilege */
	u32 copies;		/* so many are let in beyond both */
};

struct ipcdev_gauges {
	u32 queued_messages;	/* messages with a byte in the queue */
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
	bool readable;		/* a message waits */
	bool writable;		/* a write of max_message would not park */
};

/**
 * struct ipcdev_device - the queue and who waits for it
 * @lock:	guards everything below, and every request and message on it
 * @settings:	as configured
 * @limits:	those of ipcdev.h
 * @gauges:	of now
 * @queue:	pieces to be read, oldest first
 * @readers:	parked, in the order in which they will be served
 * @writers:	parked, each still holding its message; at most one of @readers
 *		and @writers is not empty
 * @statistics:	since the device began
 * @cleared_through: sequence of the last message that clear reached
 * @under_way:	a call is.  What is left of it, in the order in which it is done:
 * @clearing:	drop what is queued
 * @giving_back: a batch read, whose frames go back to the queue
 * @serving:	more of its messages can be moved now
 * @arriving:	a batch write that is on no list; parks if it must
 * @held_readable: edges of the steps before
 * @held_writable: likewise
 *
 * In an order by which what each call needs is in the first two cache lines.
 */
struct ipcdev_device {
	spinlock_t lock; /* all that follows, and what is on the lists */
	struct ipcdev_settings settings;
	struct ipcdev_limits limits;
	struct ipcdev_gauges gauges;
	struct ipcdev_chain queue;
	struct list_head readers;
	struct list_head writers;
	struct ipcdev_statistics statistics;
	u64 cleared_through;
	bool under_way;
	bool clearing;
	bool held_readable;
	bool held_writable;
	struct ipcdev_request *giving_back;
	struct ipcdev_request *serving;
	struct ipcdev_request *arriving;
};

void ipcdev_init(struct ipcdev_device *device, const struct ipcdev_settings *settings);

int ipcdev_apply(const struct ipcdev_settings_change *change, struct ipcdev_settings *now);
void ipcdev_open(struct ipcdev_device *device);
void ipcdev_release(struct ipcdev_device *device);
ipcdev_hot void ipcdev_submit_write(struct ipcdev_device *device, struct ipcdev_request *request,
				    struct ipcdev_effects *effects);
ipcdev_hot void ipcdev_submit_read(struct ipcdev_device *device, struct ipcdev_request *request,
				   struct ipcdev_effects *effects);
bool ipcdev_cancel(struct ipcdev_device *device, struct ipcdev_request *request, int error,
		   struct ipcdev_effects *effects);
ipcdev_hot void ipcdev_copy_done(struct ipcdev_device *device, struct ipcdev_request *request,
				 struct ipcdev_effects *effects);
void ipcdev_put_back(struct ipcdev_device *device, struct ipcdev_request *request,
		     struct ipcdev_piece *spare, struct ipcdev_effects *effects);
int ipcdev_configure(struct ipcdev_device *device, const struct ipcdev_settings_change *change);
void ipcdev_clear(struct ipcdev_device *device, struct ipcdev_effects *effects);
void ipcdev_go_on(struct ipcdev_device *device, struct ipcdev_effects *effects);
struct ipcdev_poll_mask ipcdev_poll_mask(const struct ipcdev_device *device);

#endif /* IPCDEV_DEVICE_H */
