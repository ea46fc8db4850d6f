/* SPDX-License-Identifier: MIT */
/*
 * The interface for programs, frozen: sizes, no holes, ioctl numbers.  To compile
 * is to pass: as C of several standards, as C++, for 32 and for 64 bits.
 *
 * ipcdev.h comes first, to show that it needs nothing before it.
 */
#include "uapi/ipcdev.h"

#include <stddef.h>

/* C99 has no static assertion; an array of -1 elements is one. */
#define HOLDS(name, condition) typedef char ipcdev_holds_##name[(condition) ? 1 : -1]

/* Declared only, never defined: for the sizes of its fields. */
#define SEEN(type) extern struct type type##_seen
#define SIZE_IS(type, bytes)                                                                       \
    SEEN(type);                                                                                    \
    HOLDS(type##_is_whole, sizeof(struct type) == (bytes))
#define END_OF(type, field) (offsetof(struct type, field) + sizeof(type##_seen.field))
#define FIRST(type, field) HOLDS(type##_##field, offsetof(struct type, field) == 0)
#define NEXT(type, before, field)                                                                  \
    HOLDS(type##_##field, offsetof(struct type, field) == END_OF(type, before))
#define LAST(type, field)                                                                          \
    HOLDS(type##_##field##_is_last, sizeof(struct type) == END_OF(type, field))

SIZE_IS(ipcdev_info, 64);
FIRST(ipcdev_info, size);
NEXT(ipcdev_info, size, abi_version);
NEXT(ipcdev_info, abi_version, server);
NEXT(ipcdev_info, server, capabilities);
NEXT(ipcdev_info, capabilities, mode);
NEXT(ipcdev_info, mode, depth);
NEXT(ipcdev_info, depth, max_message);
NEXT(ipcdev_info, max_message, queued_messages);
NEXT(ipcdev_info, queued_messages, queued_bytes);
NEXT(ipcdev_info, queued_bytes, parked_readers);
NEXT(ipcdev_info, parked_readers, parked_writers);
NEXT(ipcdev_info, parked_writers, opens);
NEXT(ipcdev_info, opens, begun_messages);
NEXT(ipcdev_info, begun_messages, generation);
NEXT(ipcdev_info, generation, reserved);
LAST(ipcdev_info, reserved);

SIZE_IS(ipcdev_stats, 88);
FIRST(ipcdev_stats, size);
NEXT(ipcdev_stats, size, reserved);
NEXT(ipcdev_stats, reserved, messages_written);
NEXT(ipcdev_stats, messages_written, bytes_written);
NEXT(ipcdev_stats, bytes_written, messages_read);
NEXT(ipcdev_stats, messages_read, bytes_read);
NEXT(ipcdev_stats, bytes_read, messages_overwritten);
NEXT(ipcdev_stats, messages_overwritten, bytes_truncated);
NEXT(ipcdev_stats, bytes_truncated, messages_cleared);
NEXT(ipcdev_stats, messages_cleared, reader_parks);
NEXT(ipcdev_stats, reader_parks, writer_parks);
NEXT(ipcdev_stats, writer_parks, interrupted);
LAST(ipcdev_stats, interrupted);

SIZE_IS(ipcdev_waiter, 24);
FIRST(ipcdev_waiter, pid);
NEXT(ipcdev_waiter, pid, operation);
NEXT(ipcdev_waiter, operation, bytes);
NEXT(ipcdev_waiter, bytes, since_ns);
LAST(ipcdev_waiter, since_ns);

SIZE_IS(ipcdev_waiters, 784);
FIRST(ipcdev_waiters, size);
NEXT(ipcdev_waiters, size, first);
NEXT(ipcdev_waiters, first, count);
NEXT(ipcdev_waiters, count, total);
NEXT(ipcdev_waiters, total, waiters);
LAST(ipcdev_waiters, waiters);

SIZE_IS(ipcdev_configure, 32);
FIRST(ipcdev_configure, size);
NEXT(ipcdev_configure, size, mode);
NEXT(ipcdev_configure, mode, depth);
NEXT(ipcdev_configure, depth, max_message);
NEXT(ipcdev_configure, max_message, reserved);
LAST(ipcdev_configure, reserved);

SIZE_IS(ipcdev_batch, 8);
FIRST(ipcdev_batch, size);
NEXT(ipcdev_batch, size, on);
LAST(ipcdev_batch, on);

SIZE_IS(ipcdev_frame, 8);
FIRST(ipcdev_frame, length);
NEXT(ipcdev_frame, length, flags);
LAST(ipcdev_frame, flags);

/* Fully encoded: direction, type, number, size. */
#define BOTH_WAYS(number, size) _IOC(_IOC_READ | _IOC_WRITE, 0xE9, number, size)
HOLDS(ioc_info, IPCDEV_IOC_INFO == BOTH_WAYS(1, 64));
HOLDS(ioc_stats, IPCDEV_IOC_STATS == BOTH_WAYS(2, 88));
HOLDS(ioc_waiters, IPCDEV_IOC_WAITERS == BOTH_WAYS(3, 784));
HOLDS(ioc_configure, IPCDEV_IOC_CONFIGURE == _IOC(_IOC_WRITE, 0xE9, 4, 32));
HOLDS(ioc_clear, IPCDEV_IOC_CLEAR == _IOC(_IOC_NONE, 0xE9, 5, 0));
HOLDS(ioc_batch, IPCDEV_IOC_BATCH == _IOC(_IOC_WRITE, 0xE9, 6, 8));
