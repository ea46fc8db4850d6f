/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The behaviour of /dev/ipcdev as a deterministic state machine: requests go
 * in, completions come out.  The mirror of common/device.h: the same states,
 * the same functions in the same order.  It neither sleeps, allocates nor
 * copies a byte, so that it runs under a spinlock, and also compiles in user
 * space, where the tests hold it against the original.
 *
 * Requires: the caller holds ipcdev_device.lock, which guards all of it.
 *
 * A call moves no more messages than ipcdev_effects.budget allows, so that the lock is
 * never held for long.  While ipcdev_device.under_way says that it isn't through,
 * ipcdev_device_go_on() is the only call allowed but ipcdev_device_open(), by whoever takes
 * the lock next; so nobody sees it half done.
 *
 * A slot is a ring of depth 1; of both is said what is said of a ring.
 *
 * Invariants, true whenever the lock is free and no call is under way:
 *   - a read is parked only while the queue is empty and its open has begun nothing;
 *   - writers are parked only while a fifo is full: as many messages as depth are queued
 *     or begun, or more, if copies were put back; never in a ring;
 *   - all lists of parked requests are in order of arrival, and a parked read is on that
 *     of the device and on that of its open;
 *   - what waits of a message is in the queue, or one open has begun it;
 *   - a ring's queue holds at most depth messages, each whole and in one piece; a fifo's
 *     may have at its head what was left of messages when the open that had begun them
 *     was released;
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
 * struct ipcdev_piece - bytes of a message that wait together
 * @link:	in ipcdev_device.queue, ipcdev_open.begun, ipcdev_request.pieces or
 *		ipcdev_effects.retired_pieces
 * @slice:	what waits
 *
 * A message arrives as one piece, its own @whole.  It takes a second one only
 * when a read gives bytes back after another read of the same open has taken
 * those behind them.  A batch read takes whole pieces.
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
 * @next:	of the same write; until it is admitted
 * @whole:	how it arrives in the queue
 * @sequence:	its place among all messages admitted, from 1
 * @size:	bytes of payload, 1 to max_message
 * @queued:	bytes that wait in the queue
 * @begun:	bytes that wait for the open that has begun it
 * @copying:	bytes that a reader was given and is copying out
 *
 * The bytes belong to whoever embeds this.  What waits of it is in one place: it
 * is queued, and then none of it is copied; or one open has begun it, and then
 * all that is copied of it is copied by reads of that open.  It is retired when
 * all three are 0: nobody can ask for its bytes any more.
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
 * struct ipcdev_open - an open file description, which dup and fork share
 * @begun:	what is left of what it has begun, the next bytes first.  Usually one
 *		piece, the end of one message; copies that fault may add others, of
 *		other messages too
 * @readers:	its parked reads, in order of arrival
 *
 * The caller owns it, and keeps it from ipcdev_device_open() until no call is under way
 * after ipcdev_device_release().  All that is in it is the device's.
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
 * @account:	 set by the caller: of whom it is; outlives the request
 * @open:	 set by the caller: by which it came; not released before the
 *		 request is over
 * @operation:	 set by submit
 * @nonblocking: set by the caller: don't park
 * @batch:	 set by the caller: it moves frames, not the bytes of one message
 * @bytes:	 set by the caller: count of the read, size of the message or of
 *		 all frames
 * @largest:	 set by the caller: write with @batch: bytes of its largest message
 * @message:	 set by the caller: payloads of a write, one, or with @batch a
 *		 chain by ipcdev_message.next.  Each becomes the device's when it
 *		 is admitted, and the next one is set here; what is left at the
 *		 end is the caller's
 * @state:	 the device's
 * @error:	 0 or a negative errno, once completed
 * @done:	 bytes written, or bytes to copy to the reader; frames counted
 *		 whole
 * @taken:	 read: the @done bytes that were taken
 * @pieces:	 read with @batch: what was taken instead, a frame each; valid
 *		 while @state is IPCDEV_COPYING
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
 * struct ipcdev_effects - what one call of the device makes true for others
 * @budget:	messages, or pieces of one, that may be moved besides the first.
 *		ipcdev_device_go_on() does what is left
 * @completed:	requests to be answered, in the order in which they completed
 * @retired_messages: to be freed: no byte of them is left
 * @retired_pieces: to be freed: spares of put_back that are no longer needed
 * @became_readable: a poller's edge: a message was queued, or given back
 * @became_writable: a poller's edge: a full fifo got room
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
	struct ipcdev_link *link = ipcdev_chain_pop(&effects->retired_messages);

	return link ? container_of(link, struct ipcdev_message, link) : NULL;
}

static inline struct ipcdev_piece *ipcdev_next_piece(struct ipcdev_chain *chain)
{
	struct ipcdev_link *link = ipcdev_chain_pop(chain);

	return link ? container_of(link, struct ipcdev_piece, link) : NULL;
}

/* The first one, which stays there; NULL if there is none. */
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

/* As ipcdev.h has them.  Tests take less, to see every state at a limit. */
struct ipcdev_limits {
	u32 operations;		/* parked, and copies under way */
	u32 per_user;		/* those of one account without privilege */
	u32 copies;		/* so many are let in beyond both */
};

struct ipcdev_gauges {
	u32 queued_messages;	/* messages with a byte in the queue */
	u32 begun_messages;	/* messages with a byte that waits for who began them */
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
 * struct ipcdev_device - the queue and who waits for it
 * @lock:	guards everything below, and every request and message on it
 * @settings:	as configured
 * @limits:	those of ipcdev.h
 * @gauges:	of now
 * @queue:	pieces to be read, oldest first
 * @readers:	parked, in the order in which they will be served
 * @writers:	parked, each still holding its message
 * @statistics:	since the device began
 * @cleared_through: sequence of the last message that clear reached
 * @under_way:	a call is.  What is left of it, in the order in which it is done:
 * @gathering:	all that waits of this message changes its place,
 * @gatherer:	which is the queue or what this open has begun
 * @beginning:	from the queue, to what is begun; else the other way
 * @aside:	pieces that lay before those, the last one first
 * @clearing:	drop what is queued
 * @releasing:	what this open has begun goes back, or is dropped
 * @giving_back: a batch read, whose frames go back
 * @serving:	more of its messages can be moved now
 * @continuing:	this open's parked reads go on with what it has begun
 * @out_of_turn: that one is for what is begun alone: others came before it
 * @arriving:	a batch write that is on no list; parks if it must
 * @regained:	a put_back left this open something: an edge, if that stays
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
	bool beginning;
	bool clearing;
	bool out_of_turn;
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
	struct ipcdev_open *regained;
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
