// SPDX-License-Identifier: GPL-2.0
/*
 * How a call meets the device, sleeps in it and is woken.
 *
 *   step_lock ... step_unlock
 *              one step of the device under its lock, and what it made true for others:
 *              whoever it completed is woken, the caller's own call perhaps among them
 *   catch_up   the steps that are left of somebody's call, done by whoever takes the lock
 *              next, with the lock free in between; so it is never held for long, and
 *              nobody who has it sees a call half done
 *   perform    a step that may park its call, which then sleeps until somebody's step
 *              completes it, or a signal comes
 *
 * Who wakes, and who returns (the interleaving that can't happen is a lost wake-up):
 *
 *   sleeper                              waker
 *   state = TASK_INTERRUPTIBLE           under the lock: request completed, off all lists
 *   done?  no: schedule()                unlock
 *          yes: return, the stack goes   done = true (release)
 *                                        wake_up_process(task), by RCU still a task
 *
 * The waker reads call->task before it sets done, since the call may be gone after that.
 * It does so after it unlocked, so that who is woken doesn't meet the lock. A sleeper that
 * gets a signal takes the lock: its call is either still parked, and cancelled, or
 * completed; then it waits for done, which is about to come.
 *
 * Who polls is woken only if there is somebody, which is looked for under the lock:
 *
 *   poller                               who makes the device ready
 *   joins the wait queue: poll_wait()    locks the device
 *   locks the device                     queues the message
 *   a message?  no: will sleep           wait queue empty?  no: will wake
 *   unlocks                              unlocks
 *
 * If the poller has the lock first, it is on the queue before it unlocks, and who locks
 * next sees it there; if second, it sees the message.  So neither a barrier is needed nor
 * the queue's own lock.
 *
 * Suspend, and the freezer of control groups version 1, freeze a sleeper where it is, and
 * leave its call parked in its place.  That of version 2 has it return to user space first,
 * as a signal does; the call then restarts, and queues anew.
 */
#include <linux/freezer.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "buffer.h"
#include "node.h"
#include "trace.h"

/* Hands its result to a call of another task, and wakes that. */
static noinline void ipcdev_answer(struct ipcdev_node *node, struct ipcdev_call *call)
{
	const struct ipcdev_request *request = &call->request;
	struct task_struct *task = call->task;

	trace_ipcdev_complete(node->dev.devt, request->operation, task_pid_nr(task), request->done,
			      request->error);
	rcu_read_lock(); /* the task stays valid after its call is done */
	smp_store_release(&call->done, true); /* pairs with ipcdev_is_done() */
	wake_up_process(task);
	rcu_read_unlock();
}

static noinline void ipcdev_wake_pollers(struct ipcdev_node *node,
					 const struct ipcdev_effects *effects)
{
	if (effects->became_readable)
		wake_up_interruptible_poll(&node->pollers, EPOLLIN | EPOLLRDNORM);
	if (effects->became_writable)
		wake_up_interruptible_poll(&node->pollers, EPOLLOUT | EPOLLWRNORM);
}

/* What is not kept: rarely is there anything, but of a batch there may be thousands. */
static noinline void ipcdev_dispose(struct ipcdev_effects *effects)
{
	struct ipcdev_message *message;
	struct ipcdev_piece *piece;

	while ((message = ipcdev_next_retired(effects))) {
		ipcdev_message_free(message);
		cond_resched();
	}
	while ((piece = ipcdev_next_piece(&effects->retired_pieces)))
		kfree(piece);
}

/**
 * ipcdev_step_unlock_retiring() - end a step that at most retires messages, as copy_done
 * @node:	whose device
 * @effects:	of the step: nobody is completed, and no poller has an edge
 */
ipcdev_hot void ipcdev_step_unlock_retiring(struct ipcdev_node *node,
					    struct ipcdev_effects *effects)
	__releases(&node->device.lock)
{
	ipcdev_buffers_keep(effects);
	spin_unlock(&node->device.lock);
	if (unlikely(!ipcdev_chain_empty(&effects->retired_messages) ||
		     !ipcdev_chain_empty(&effects->retired_pieces)))
		ipcdev_dispose(effects);
}

/* Unlocks, and acts on what a step made true; uses it up. */
static __always_inline void ipcdev_unlock_and_act(struct ipcdev_node *node,
						  struct ipcdev_effects *effects)
	__releases(&node->device.lock)
{
	struct ipcdev_link *link, *next;
	bool wake = effects->became_readable || effects->became_writable;

	/* No barrier: see above. */
	wake = wake && waitqueue_active(&node->pollers);
	ipcdev_buffers_keep(effects);
	spin_unlock(&node->device.lock);
	for (link = effects->completed.first; link; link = next) {
		struct ipcdev_call *call = container_of(link, struct ipcdev_call, request.link);

		next = link->next; /* the call may be gone once it is done */
		if (likely(call->task == current))
			call->done = true;
		else
			ipcdev_answer(node, call);
	}
	if (unlikely(wake))
		ipcdev_wake_pollers(node, effects);
	if (unlikely(!ipcdev_chain_empty(&effects->retired_messages) ||
		     !ipcdev_chain_empty(&effects->retired_pieces)))
		ipcdev_dispose(effects);
}

static void ipcdev_note_park(struct ipcdev_node *node, struct ipcdev_request *request)
{
	ipcdev_call_of(request)->since_ns = ktime_get_ns();
	trace_ipcdev_park(node->dev.devt, request->operation, request->bytes);
}

/* Requires: the lock, which is held again afterwards, and free in between. */
static noinline void ipcdev_catch_up(struct ipcdev_node *node)
	__must_hold(&node->device.lock)
{
	struct ipcdev_device *device = &node->device;
	struct ipcdev_effects effects;

	while (device->under_way) {
		struct ipcdev_request *arriving = device->arriving;

		ipcdev_effects_init(&effects);
		ipcdev_device_go_on(device, &effects);
		if (arriving && arriving->state == IPCDEV_PARKED)
			ipcdev_note_park(node, arriving);
		ipcdev_unlock_and_act(node, &effects);
		cond_resched();
		spin_lock(&device->lock);
	}
}

/**
 * ipcdev_lock() - lock the device, of which no call is under way then
 * @node:	whose device
 */
ipcdev_hot void ipcdev_lock(struct ipcdev_node *node)
	__acquires(&node->device.lock)
{
	spin_lock(&node->device.lock);
	if (unlikely(node->device.under_way))
		ipcdev_catch_up(node);
}

/**
 * ipcdev_step_lock() - lock the device for one step
 * @node:	whose device
 * @effects:	set to nothing, to be filled by the step
 */
ipcdev_hot void ipcdev_step_lock(struct ipcdev_node *node, struct ipcdev_effects *effects)
	__acquires(&node->device.lock)
{
	ipcdev_effects_init(effects);
	ipcdev_lock(node);
}

/**
 * ipcdev_step_unlock() - end a step: unlock, and act on what it made true
 * @node:	whose device
 * @effects:	of the step; used up
 *
 * If its call takes more steps, they are done too when this returns.
 */
ipcdev_hot void ipcdev_step_unlock(struct ipcdev_node *node, struct ipcdev_effects *effects)
	__releases(&node->device.lock)
{
	const bool more = node->device.under_way;

	ipcdev_unlock_and_act(node, effects);
	if (unlikely(more)) {
		ipcdev_lock(node);
		spin_unlock(&node->device.lock);
	}
}

/**
 * ipcdev_drop() - messages that the device did not take
 * @node:	whose device
 * @messages:	of one write, chained by @next; gone then
 */
noinline void ipcdev_drop(struct ipcdev_node *node, struct ipcdev_message *messages)
{
	struct ipcdev_effects effects;

	ipcdev_effects_init(&effects);
	for (; messages; messages = messages->next)
		ipcdev_chain_add(&effects.retired_messages, &messages->link);
	ipcdev_lock(node);
	ipcdev_step_unlock_retiring(node, &effects);
}

/**
 * ipcdev_call_init() - a call of this task
 * @call:	on its stack
 * @file:	by which it calls
 * @bytes:	of the call
 * @nowait:	it must not park, whatever the file says: IOCB_NOWAIT
 */
ipcdev_hot void ipcdev_call_init(struct ipcdev_call *call, const struct file *file, u64 bytes,
				 bool nowait)
{
	struct ipcdev_file *open = ipcdev_file_of(file);

	ipcdev_request_init(&call->request);
	call->request.account = open->account;
	call->request.open = &open->open;
	call->request.bytes = bytes;
	call->request.batch = READ_ONCE(open->batch);
	call->request.nonblocking = nowait || file->f_flags & O_NONBLOCK;
	call->task = current;
	call->done = false;
}

/* Then all that is written of the call by others is visible, and nothing more will be. */
static bool ipcdev_is_done(const struct ipcdev_call *call)
{
	return smp_load_acquire(&call->done); /* pairs with ipcdev_answer() */
}

/*
 * A signal is pending: is it the freezer's, for a task that was not asleep yet?  Then no
 * signal is pending any more.  One that sleeps is frozen where it is, and not told.
 */
static bool ipcdev_was_frozen(void)
{
	/* A task's own changes only as it executes a program, or exits. */
	struct sighand_struct *sighand = rcu_dereference_protected(current->sighand, true);

	__set_current_state(TASK_RUNNING);
	if (!try_to_freeze())
		return false;
	spin_lock_irq(&sighand->siglock);
	recalc_sigpending();
	spin_unlock_irq(&sighand->siglock);
	return true;
}

/*
 * Returns once the call is done, or a signal came and @state lets it in.  Not inlined: it is
 * where a parked call sleeps, and tools show that function's name.
 */
static noinline void ipcdev_wait(const struct ipcdev_call *call, unsigned int state)
{
	for (;;) {
		set_current_state(state);
		if (ipcdev_is_done(call))
			break;
		if (!signal_pending_state(state, current))
			schedule();
		else if (!ipcdev_was_frozen())
			break;
	}
	__set_current_state(TASK_RUNNING);
}

/* A signal came: cancels the call if it is still parked. */
static void ipcdev_interrupt(struct ipcdev_node *node, struct ipcdev_call *call)
{
	struct ipcdev_effects effects;

	ipcdev_step_lock(node, &effects);
	if (ipcdev_device_cancel(&node->device, &call->request, -EINTR, &effects))
		trace_ipcdev_cancel(node->dev.devt, call->request.operation, call->request.bytes);
	ipcdev_step_unlock(node, &effects);
}

static noinline void ipcdev_sleep(struct ipcdev_node *node, struct ipcdev_call *call)
{
	ipcdev_wait(call, TASK_INTERRUPTIBLE | TASK_FREEZABLE);
	if (!ipcdev_is_done(call)) {
		ipcdev_interrupt(node, call);
		ipcdev_wait(call, TASK_UNINTERRUPTIBLE); /* a waker is about to say so */
	}
}

/**
 * ipcdev_perform() - submit a call, and sleep until it is done
 * @node:	whose device
 * @call:	of this task
 * @operation:	a read or a write
 *
 * Return: 0, and @call has the result, or a negative errno.
 */
ipcdev_hot int ipcdev_perform(struct ipcdev_node *node, struct ipcdev_call *call,
			      enum ipcdev_operation operation)
{
	struct ipcdev_effects effects __uninitialized; /* step_lock does */

	ipcdev_step_lock(node, &effects);
	if (operation == IPCDEV_OP_READ) {
		ipcdev_device_submit_read(&node->device, &call->request, &effects);
	} else {
		if (likely(!call->request.batch))
			ipcdev_spare_next(ipcdev_call_file(call), call->request.message);
		ipcdev_device_submit_write(&node->device, &call->request, &effects);
	}
	if (unlikely(call->request.state == IPCDEV_PARKED))
		ipcdev_note_park(node, &call->request);
	ipcdev_step_unlock(node, &effects);
	if (unlikely(!ipcdev_is_done(call)))
		ipcdev_sleep(node, call);
	return unlikely(call->request.error == -EINTR) ? -ERESTARTSYS : call->request.error;
}
