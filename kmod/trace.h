/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of /dev/ipcdev: events/ipcdev in tracefs.  Sizes and results, never
 * the contents of a message.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ipcdev

#if !defined(IPCDEV_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define IPCDEV_TRACE_H

#include <linux/kdev_t.h>
#include <linux/tracepoint.h>

/* Their values, for who reads the formats and not this file: perf, trace-cmd. */
TRACE_DEFINE_ENUM(IPCDEV_OP_READ);
TRACE_DEFINE_ENUM(IPCDEV_OP_WRITE);

#define ipcdev_show_operation(operation)                                                          \
	__print_symbolic(operation, { IPCDEV_OP_READ, "read" }, { IPCDEV_OP_WRITE, "write" })

/* A call ends: its result as the program sees it, or -ERESTARTSYS. */
DECLARE_EVENT_CLASS(ipcdev_call,
	TP_PROTO(dev_t dev, u64 bytes, ssize_t result),
	TP_ARGS(dev, bytes, result),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, bytes)
		__field(ssize_t, result)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->bytes = bytes;
		__entry->result = result;
	),
	TP_printk("dev=%d:%d bytes=%llu result=%zd", MAJOR(__entry->dev), MINOR(__entry->dev),
		  __entry->bytes, __entry->result)
);

DEFINE_EVENT(ipcdev_call, ipcdev_write,
	TP_PROTO(dev_t dev, u64 bytes, ssize_t result),
	TP_ARGS(dev, bytes, result)
);

DEFINE_EVENT(ipcdev_call, ipcdev_read,
	TP_PROTO(dev_t dev, u64 bytes, ssize_t result),
	TP_ARGS(dev, bytes, result)
);

/*
 * A call is parked, or ends by a signal.  A batch of which some is admitted may be parked by
 * another task, which did the rest of it.
 */
DECLARE_EVENT_CLASS(ipcdev_wait,
	TP_PROTO(dev_t dev, int operation, u64 bytes),
	TP_ARGS(dev, operation, bytes),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(int, operation)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->operation = operation;
		__entry->bytes = bytes;
	),
	TP_printk("dev=%d:%d operation=%s bytes=%llu", MAJOR(__entry->dev), MINOR(__entry->dev),
		  ipcdev_show_operation(__entry->operation), __entry->bytes)
);

DEFINE_EVENT(ipcdev_wait, ipcdev_park,
	TP_PROTO(dev_t dev, int operation, u64 bytes),
	TP_ARGS(dev, operation, bytes)
);

DEFINE_EVENT(ipcdev_wait, ipcdev_cancel,
	TP_PROTO(dev_t dev, int operation, u64 bytes),
	TP_ARGS(dev, operation, bytes)
);

/*
 * The current task completes the parked call of another.  Ids are those of the initial
 * pid namespace, as all of a trace.
 */
TRACE_EVENT(ipcdev_complete,
	TP_PROTO(dev_t dev, int operation, pid_t waiter, u32 done, int error),
	TP_ARGS(dev, operation, waiter, done, error),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(int, operation)
		__field(pid_t, waiter)
		__field(u32, done)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->operation = operation;
		__entry->waiter = waiter;
		__entry->done = done;
		__entry->error = error;
	),
	TP_printk("dev=%d:%d operation=%s waiter=%d done=%u error=%d", MAJOR(__entry->dev),
		  MINOR(__entry->dev), ipcdev_show_operation(__entry->operation),
		  __entry->waiter, __entry->done, __entry->error)
);

#endif /* IPCDEV_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
