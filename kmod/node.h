/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A served device: the queue, its character device, and the calls that sleep on
 * it.
 *
 *   ipcdev_main.c  parameters, nodes from load to unload
 *   file.c         open, read, write, poll
 *   account.c      which user an open counts for
 *   buffer.c       the bytes of messages, from a program's memory and to it
 *   call.c         how a call enters the device, sleeps and is woken
 *   ioctl.c        the ioctls of common/uapi/ipcdev.h
 *   sysfs.c        settings, gauges and counters below /sys/class/ipcdev
 *   unit.c         all of these as one translation unit
 *   device.c       who gets what and who waits: mirrors common/device.cpp
 */
#ifndef IPCDEV_NODE_H
#define IPCDEV_NODE_H

#include <linux/cache.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "account.h"
#include "buffer.h"
#include "device.h"

/**
 * struct ipcdev_node - one /dev/NAME
 * @dev:	owns the memory: its release frees the node
 * @cdev:	keeps a reference to @dev while it is open
 * @pollers:	tasks in poll, select or epoll; has a lock of its own, never taken
 *		while @device.lock is held
 * @accounts:	of the users who have it open
 * @device:	the queue, with the lock that guards it
 * @buffers:	kept for reuse; guarded by @device.lock too
 *
 * Pollers write to @pollers, holders of the lock to what follows it: so each starts a cache
 * line.
 */
struct ipcdev_node {
	struct device dev;
	struct cdev cdev;
	wait_queue_head_t pollers ____cacheline_aligned_in_smp;
	struct ipcdev_device device ____cacheline_aligned_in_smp;
	struct ipcdev_buffers buffers;
	struct ipcdev_accounts accounts;
};

/**
 * struct ipcdev_file - an open file description of a node
 * @node:	that is open
 * @account:	of the user who opened it
 * @batch:	its calls move frames, by IPCDEV_IOC_BATCH; written under
 *		ipcdev_device.lock, read once at the start of a call
 * @spare:	a buffer for the next write, or NULL: taken by an atomic exchange, set
 *		under ipcdev_device.lock
 * @open:	the device's part; guarded by ipcdev_device.lock
 *
 * Every write changes it, so it has a cache line to itself.
 */
struct ipcdev_file {
	struct ipcdev_node *node;
	struct ipcdev_account *account;
	bool batch;
	struct ipcdev_buffer *spare;
	struct ipcdev_open open;
} ____cacheline_aligned_in_smp;

static inline struct ipcdev_file *ipcdev_file_of(const struct file *file)
{
	return file->private_data;
}

/**
 * struct ipcdev_call - a read or write, on the stack of the task that makes it
 * @request:	guarded by ipcdev_device.lock until it is completed
 * @task:	that makes it
 * @since_ns:	CLOCK_MONOTONIC, ns, when it parked
 * @done:	another task sets this last; after that the call is @task's alone,
 *		which may return at once
 */
struct ipcdev_call {
	struct ipcdev_request request;
	struct task_struct *task;
	u64 since_ns;
	bool done;
};

static inline struct ipcdev_call *ipcdev_call_of(struct ipcdev_request *request)
{
	return container_of(request, struct ipcdev_call, request);
}

/* The open file description that the call is made on. */
static inline struct ipcdev_file *ipcdev_call_file(const struct ipcdev_call *call)
{
	return container_of(call->request.open, struct ipcdev_file, open);
}

/* ipcdev_main.c */
extern const char *const ipcdev_modes[IPCDEV_MODE_RING + 1];

/* file.c */
extern const struct file_operations ipcdev_file_operations;

/* call.c */
ipcdev_hot void ipcdev_lock(struct ipcdev_node *node);
void ipcdev_drop(struct ipcdev_node *node, struct ipcdev_message *messages);
ipcdev_hot void ipcdev_step_lock(struct ipcdev_node *node, struct ipcdev_effects *effects);
ipcdev_hot void ipcdev_step_unlock(struct ipcdev_node *node, struct ipcdev_effects *effects);
ipcdev_hot void ipcdev_step_unlock_retiring(struct ipcdev_node *node,
					    struct ipcdev_effects *effects);
ipcdev_hot void ipcdev_call_init(struct ipcdev_call *call, const struct file *file, u64 bytes,
				 bool nowait);
ipcdev_hot int ipcdev_perform(struct ipcdev_node *node, struct ipcdev_call *call,
			      enum ipcdev_operation operation);

/* ioctl.c */
long ipcdev_ioctl(struct file *file, unsigned int command, unsigned long argument);

/* sysfs.c */
extern const struct attribute_group *ipcdev_groups[];

#endif /* IPCDEV_NODE_H */
