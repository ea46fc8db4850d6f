/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/ipcdev: messages between processes through a character device.
 *
 * This header is the interface for programs: limits, ioctls and, in this
 * comment, what every call does.  It is plain C with fixed-width types; the
 * layout is the same for 32-bit and 64-bit programs.  Names in brackets refer to
 * the clauses of docs/contract.md, which says the same in full.
 *
 * device      A device holds one queue of messages, shared by all processes that
 *             have it open.  An *open* is an open file description: dup(2) and
 *             fork(2) share it.  An open *begins* a message when it reads a part
 *             of it, and *finishes* it with the last byte.  A call that can't
 *             finish now is parked: it sleeps in the kernel until another
 *             process makes it possible.
 *
 * modes       fifo: nothing is lost; a writer waits while `depth` messages are
 *             queued or begun.
 *             ring: a writer never waits; when `depth` messages are queued, the
 *             oldest of them is dropped (and counted as overwritten).  A begun
 *             message is not among them: each open may hold one besides.
 *             slot: a ring of depth 1; the newest value wins.  [M1, M2, M3]
 *
 * open(2)     Any number of times; leaves the queue unchanged.  O_TRUNC,
 *             O_APPEND and O_CREAT are ignored, so that a shell's `>` and `>>`
 *             work.  [O1, O4, O5]
 *
 * close(2)    If the last close of an open leaves a message unfinished: in a fifo
 *             the rest of it returns to the front of the queue, and a parked
 *             reader gets it first; a ring or slot drops it (and counts it as
 *             truncated).  Nothing else changes.  [O2, O3]
 *
 * write(2)    1 to max_message bytes become one message, all or nothing.
 *             writev(2) makes one message of its segments.
 *             0 bytes: returns 0, queues nothing.
 *             full fifo: parks; admitted in order of arrival.
 *             ring, slot: never parks.
 *             EMSGSIZE  more than max_message bytes
 *             EAGAIN    O_NONBLOCK or RWF_NOWAIT, and it would park
 *             ENOBUFS   it would park, and too many operations are: see limits
 *             EFAULT    bad buffer; nothing was queued
 *             EINTR     a signal came while parked; nothing was queued
 *             ENOMEM    no memory for the message; a daemon holds so much at most,
 *                       begun messages included; nothing was queued or dropped
 *             [W1 to W9]
 *
 * read(2)     Returns bytes of one message only, and never 0 for a count above
 *             0: there is no end of file.
 *             An open that has begun a message gets the next bytes of it, and
 *             nobody else does; otherwise it begins the oldest queued message.
 *             So readers that each open the device get whole messages, however
 *             small their reads.
 *             nothing begun, the queue empty: parks; served in order of arrival.
 *             EAGAIN, EINTR as for write
 *             ENOBUFS   it would park, or copy a message out, and too many
 *                       operations are: see limits
 *             EFAULT    bad buffer; no bytes are lost: they return to the front
 *                       of what the open has begun, and a message of which
 *                       nothing was read to the front of the queue
 *             [R1 to R8]
 *
 * hand-off    Whoever makes a parked operation possible completes it; a
 *             newcomer never overtakes it.  A completed operation reports
 *             success even if a signal came meanwhile.  [H1 to H6]
 *
 * limits      At most IPCDEV_PARKED_MAX operations may be parked or being copied
 *             out, and at most IPCDEV_PARKED_PER_USER_MAX of one user without
 *             privilege, so that no user can shut out the others; one more gets
 *             ENOBUFS.  Beyond these limits only reads that find a message are
 *             let in, while fewer than IPCDEV_COPIES_RESERVED are being copied
 *             out.  A call counts for the user who opened the file, whoever
 *             makes it.  Root, the user who serves the device and its owner have
 *             privilege; with the module so has anybody with CAP_SYS_RESOURCE or
 *             CAP_SYS_ADMIN.  [W8]
 *
 * no wait     O_NONBLOCK applies to all calls of an open, RWF_NOWAIT to one
 *             (EOPNOTSUPP without IPCDEV_CAP_NOWAIT).  A call by io_uring that
 *             would park is not parked: io_uring polls and tries again, and has
 *             no place among the parked calls.  [P5, N4]
 *
 * poll(2)     POLLIN|POLLRDNORM: this open has begun a message, or one waits in
 *             the queue.  POLLOUT|POLLWRNORM: a write of max_message bytes would
 *             not park.  POLLERR: the server is gone.
 *             Edge-triggered epoll gets an edge for every message that is
 *             queued, also by a close or a bad buffer that puts it back, and
 *             whenever a full fifo gets room, and for what a parked read leaves
 *             to its own open; not for what any other short read leaves.
 *             [P1 to P4]
 *
 * not offered mmap ENODEV; splice, sendfile, fsync EINVAL; O_DIRECT EINVAL at
 *             open; FIONREAD ENOTTY.
 *             A device served as a FUSE file answers like a regular file here:
 *             see docs/differences.md.  [N1 to N7]
 *
 * batch       IPCDEV_IOC_BATCH switches an open (which dup and fork share) to
 *             frames: each is a struct ipcdev_frame, the message, and padding to
 *             a multiple of 8 bytes.  A call has one segment and at most
 *             IPCDEV_BATCH_BYTES_MAX bytes.  Other opens are not affected; order
 *             and exactly-once hold across all.
 *             write: one or more frames, checked before anything is queued.
 *             Returns when all are queued.  If interrupted, or if it must not
 *             wait: the bytes of the frames that were queued, in order; EINTR or
 *             EAGAIN if none was.  ring, slot: the last frames win.
 *             EINVAL    length 0, flags other than 0, a truncated frame
 *             EMSGSIZE  a message above max_message, or a call above
 *                       IPCDEV_BATCH_BYTES_MAX
 *             read: as many whole frames as there are and fit, at least one;
 *             parks if there is none.  What is left of a begun message is the
 *             first frame, with the flag IPCDEV_FRAME_REMAINDER.
 *             EMSGSIZE  count below IPCDEV_FRAME_BYTES(max_message), or above
 *                       IPCDEV_BATCH_BYTES_MAX
 *             [B1 to B13]
 *
 * its end     If a daemon that serves the device gets SIGTERM, parked calls end
 *             with ENODEV; later ones, and all if it dies, with ECONNABORTED or
 *             ENOTCONN; pollers wake with POLLERR.  With IPCDEV_CAP_KEPT the
 *             process that serves may be killed: another one goes on, and no
 *             call ends.  From before the start until after the end, an open of
 *             the path without O_CREAT finds the device or an error, never
 *             another file that would take the bytes.
 *             [E1 to E4]
 */
#ifndef IPCDEV_UAPI_H
#define IPCDEV_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Raised when an existing meaning changes, not for additions. */
#define IPCDEV_ABI_VERSION 1

/* The default name: /dev/ipcdev. */
#define IPCDEV_DEFAULT_NAME "ipcdev"

/* Messages a fifo or a ring holds.  A slot always has depth 1. */
#define IPCDEV_DEPTH_MIN 1
#define IPCDEV_DEPTH_DEFAULT 64
#define IPCDEV_DEPTH_MAX 65536

/* Bytes of one message. */
#define IPCDEV_MESSAGE_MIN 1
#define IPCDEV_MESSAGE_DEFAULT 4096
#define IPCDEV_MESSAGE_MAX 65536

/* The limit of depth * max_message: 256 MiB. */
#define IPCDEV_QUEUE_BYTES_MAX (1U << 28)

/*
 * Operations that may be parked or being copied out on one device, and how many of these
 * may be of one user without privilege.  One more gets ENOBUFS.
 */
#define IPCDEV_PARKED_MAX 4096
#define IPCDEV_PARKED_PER_USER_MAX (IPCDEV_PARKED_MAX / 2)

/*
 * Beyond these two limits, reads that find a message are let in while fewer copies than
 * this are under way: parked writers must not shut out the readers that make room for them.
 */
#define IPCDEV_COPIES_RESERVED 64

/* Bytes of one read or write of an open with IPCDEV_IOC_BATCH on. */
#define IPCDEV_BATCH_BYTES_MAX 126976 /* 124 KiB: fits in one request of CUSE */

/* Modes.  0 is left for 'keep' in struct ipcdev_configure. */
#define IPCDEV_MODE_FIFO 1
#define IPCDEV_MODE_SLOT 2
#define IPCDEV_MODE_RING 3

/* Who serves the device. */
#define IPCDEV_SERVER_MODULE 1
#define IPCDEV_SERVER_CUSE 2
#define IPCDEV_SERVER_FUSE 3

/* Capability bits: what not every server can do. */
#define IPCDEV_CAP_RESTART (1U << 0) /* SA_RESTART restarts a parked call */
#define IPCDEV_CAP_CHARDEV (1U << 1) /* stat(2) shows a character device */
#define IPCDEV_CAP_UNSPLIT (1U << 2) /* writev of any shape is one message */
#define IPCDEV_CAP_NOWAIT (1U << 3)  /* RWF_NOWAIT works */
#define IPCDEV_CAP_KEPT (1U << 4)    /* goes on if the process that serves is killed */

/*
 * Every struct starts with its size in bytes, as the caller was compiled; it
 * must equal the size encoded in the ioctl's number.  A server accepts any size
 * from that of ABI version 1 up: fields it does not know must be 0 on the way
 * in, and are 0 on the way out.  Reserved fields must be 0.  Otherwise EINVAL.
 * ENOTTY for any other ioctl.
 */

/**
 * struct ipcdev_info - the settings and the gauges of a device
 * @size:		in: sizeof(struct ipcdev_info)
 * @abi_version:	IPCDEV_ABI_VERSION of the server
 * @server:		IPCDEV_SERVER_*
 * @capabilities:	IPCDEV_CAP_* bits
 * @mode:		IPCDEV_MODE_*
 * @depth:		messages the fifo or the ring holds; 1 in slot mode
 * @max_message:	bytes one message may have
 * @queued_messages:	messages in the queue; the rest of one after a close counts as one
 * @queued_bytes:	their bytes
 * @parked_readers:	read calls that are parked
 * @parked_writers:	write calls that are parked
 * @opens:		open file descriptions; a close may take effect late
 * @begun_messages:	messages that an open has begun and not finished
 * @generation:		how often another process went on after one was killed
 * @reserved:		must be 0
 */
struct ipcdev_info {
	__u32 size;
	__u32 abi_version;
	__u32 server;
	__u32 capabilities;
	__u32 mode;
	__u32 depth;
	__u32 max_message;
	__u32 queued_messages;
	__u64 queued_bytes;
	__u32 parked_readers;
	__u32 parked_writers;
	__u32 opens;
	__u32 begun_messages;
	__u32 generation;
	__u32 reserved;
};

/**
 * struct ipcdev_stats - counters, from 0 when the device began, never reset
 * @size:		in: sizeof(struct ipcdev_stats)
 * @reserved:		must be 0
 * @messages_written:	messages admitted
 * @bytes_written:	their bytes
 * @messages_read:	messages of which the last byte was read, or truncated
 * @bytes_read:		bytes given to readers
 * @messages_overwritten: ring, slot: dropped unread
 * @bytes_truncated:	ring, slot: bytes of a begun message dropped by a close
 * @messages_cleared:	dropped by IPCDEV_IOC_CLEAR
 * @reader_parks:	reads that parked
 * @writer_parks:	writes that parked
 * @interrupted:	parked calls that a signal ended
 *
 * When no call is under way:
 * messages_written = messages_read + queued + begun + overwritten + cleared.
 */
struct ipcdev_stats {
	__u32 size;
	__u32 reserved;
	__u64 messages_written;
	__u64 bytes_written;
	__u64 messages_read;
	__u64 bytes_read;
	__u64 messages_overwritten;
	__u64 bytes_truncated;
	__u64 messages_cleared;
	__u64 reader_parks;
	__u64 writer_parks;
	__u64 interrupted;
};

#define IPCDEV_WAITER_READ 1
#define IPCDEV_WAITER_WRITE 2

/**
 * struct ipcdev_waiter - one parked call
 * @pid:		thread that called, in the pid namespace of the asking process;
 *			0 if it has no number there
 * @operation:		IPCDEV_WAITER_*
 * @bytes:		count of the read, or size of the message
 * @since_ns:		CLOCK_MONOTONIC when it parked, ns, in the time namespace of
 *			the asking process; 0 if that clock began later
 *
 * A daemon uses its own namespaces for @pid and @since_ns.
 */
struct ipcdev_waiter {
	__s32 pid;
	__u32 operation;
	__u64 bytes;
	__u64 since_ns;
};

/* The most entries that one call returns; for more, ask again with a higher @first. */
#define IPCDEV_WAITERS_PER_CALL 32

/**
 * struct ipcdev_waiters - who is parked, in the order they will be served
 * @size:		in: sizeof(struct ipcdev_waiters)
 * @first:		in: index of the first entry wanted
 * @count:		entries filled in
 * @total:		calls parked in all; without privilege, only one's own
 * @waiters:		the entries; those from @count on are 0
 */
struct ipcdev_waiters {
	__u32 size;
	__u32 first;
	__u32 count;
	__u32 total;
	struct ipcdev_waiter waiters[IPCDEV_WAITERS_PER_CALL];
};

/**
 * struct ipcdev_configure - new settings for an idle device
 * @size:		sizeof(struct ipcdev_configure)
 * @mode:		IPCDEV_MODE_*, or 0 to keep
 * @depth:		messages, or 0 to keep (slot: 0 or 1; required when
 *			changing from slot to another mode)
 * @max_message:	bytes, or 0 to keep
 * @reserved:		must be 0
 *
 * EPERM: the module requires CAP_SYS_ADMIN, the daemon root or its own user.
 * EBUSY: a message is queued or begun, a call is parked or being copied.
 * EINVAL: out of range.
 */
struct ipcdev_configure {
	__u32 size;
	__u32 mode;
	__u32 depth;
	__u32 max_message;
	__u32 reserved[4];
};

/**
 * struct ipcdev_batch - switch an open file description to frames, or back
 * @size:	sizeof(struct ipcdev_batch)
 * @on:		1: frames; 0: one message a call, as after open(2)
 *
 * EBUSY: a call of this open file description is parked.  EINVAL: @on is neither.
 */
struct ipcdev_batch {
	__u32 size;
	__u32 on;
};

/*
 * Not the whole message: its beginning was read before, by this open or by one closed
 * since.
 */
#define IPCDEV_FRAME_REMAINDER (1U << 0)

/**
 * struct ipcdev_frame - what precedes a message in a batch, native byte order
 * @length:	bytes of the message, without padding
 * @flags:	IPCDEV_FRAME_* bits on read, 0 on write
 */
struct ipcdev_frame {
	__u32 length;
	__u32 flags;
};

/* A frame begins at a multiple of this. */
#define IPCDEV_FRAME_ALIGN 8U

/*
 * Bytes of a frame with a message of @length bytes: a multiple of IPCDEV_FRAME_ALIGN.  Check
 * untrusted lengths first: 32-bit sizes wrap near 4 GiB.
 */
#define IPCDEV_FRAME_BYTES(length) \
	((sizeof(struct ipcdev_frame) + (length) + IPCDEV_FRAME_ALIGN - 1) / IPCDEV_FRAME_ALIGN * \
	 IPCDEV_FRAME_ALIGN)

#define IPCDEV_IOC_TYPE 0xE9

#define IPCDEV_IOC_INFO _IOWR(IPCDEV_IOC_TYPE, 1, struct ipcdev_info)
#define IPCDEV_IOC_STATS _IOWR(IPCDEV_IOC_TYPE, 2, struct ipcdev_stats)
#define IPCDEV_IOC_WAITERS _IOWR(IPCDEV_IOC_TYPE, 3, struct ipcdev_waiters)
#define IPCDEV_IOC_CONFIGURE _IOW(IPCDEV_IOC_TYPE, 4, struct ipcdev_configure)
/*
 * Drops all queued messages, but not begun ones, and admits parked writers.  EBADF: not
 * open for writing.
 */
#define IPCDEV_IOC_CLEAR _IO(IPCDEV_IOC_TYPE, 5)
#define IPCDEV_IOC_BATCH _IOW(IPCDEV_IOC_TYPE, 6, struct ipcdev_batch)

#endif /* IPCDEV_UAPI_H */
