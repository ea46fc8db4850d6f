// SPDX-License-Identifier: GPL-2.0
/*
 * How a call enters the device, sleeps in it and is woken.
 *
 *   step_lock ... step_unlock
 *                do one step of the device under its lock, then wake the tasks whose calls
 *                it completed; the caller's own call may be one of these
 *   catch_up     does the remaining steps of an unfinished call, whoever takes the lock
 *                next, and drops the lock between them; so it is never held for long, and
 *                nobody who holds it sees a call half done
 *   perform      does a step that may park its call, which then sleeps until some task's
 *                step completes it or a signal arrives
 *
 * Sleeper and waker (the interleaving that can't happen is a lost wake-up):
 *
 *   sleeper                              waker
 *   state = TASK_INTERRUPTIBLE           under the lock: completes the request, unlinks it
 *   done?  no: schedule()                unlocks
 *          yes: returns, stack is gone   done = true (release)
 *                                        wake_up_process(task), which RCU keeps valid
 *
 * The waker reads call->task before it sets done, since the call may be gone after that.
 * It sets done after unlocking, so that the woken task does not contend for the lock.  A
 * sleeper that gets a signal takes the lock.  If its call is still parked, it cancels it.
 * If the call is completed, it waits for done, which the waker is about to set.
 *
 * Pollers are woken only if there are any, which is checked under the lock:
 *
 *   poller                               task that makes the device ready
 *   joins the wait queue: poll_wait()    locks the device
 *   locks the device                     queues the message
 *   a message?  no: will sleep           wait queue empty?  no: will wake
 *   unlocks                              unlocks
 *
 * If the poller gets the lock first, it is on the wait queue before it unlocks, and the
 * other task sees it there.  If it gets the lock second, it sees the message.  So neither
 * a barrier nor the wait queue's own lock is needed.
 *
 * Suspend, and the freezer of cgroup v1, freeze a sleeper in the call, which keeps its
 * place among the parked.  The freezer of cgroup v2 first makes the task return to user
 * space, as a signal does; the call then restarts, at the end of the line.
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

/* Completes the call of another task, and wakes that task. */
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

/* Exclusive waiters too: what is readable for one open needn't be for another. */
static void ipcdev_wake_all(struct wait_queue_head *pollers, __poll_t events)
{
	__wake_up(pollers, TASK_INTERRUPTIBLE, 0, poll_to_key(events));
}

static noinline void ipcdev_wake_pollers(struct ipcdev_node *node,
					 const struct ipcdev_effects *effects)
{
	if (effects->became_readable)
		ipcdev_wake_all(&node->pollers, EPOLLIN | EPOLLRDNORM);
	if (effects->became_writable)
		ipcdev_wake_all(&node->pollers, EPOLLOUT | EPOLLWRNORM);
}

/* Frees what is not kept.  Usually nothing, but a batch may leave thousands of messages. */
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
 * ipcdev_step_unlock_retiring() - end a step that only retires messages, such as copy_done
 * @node:	whose device
 * @effects:	of the step: no request completed, no edge for pollers
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

/* Unlocks, and acts on the effects of a step, which are of no use afterwards. */
static __always_inline void ipcdev_unlock_and_act(struct ipcdev_node *node,
						  struct ipcdev_effects *effects)
	__releases(&node->device.lock)
{
	struct ipcdev_link *link, *next;
	bool wake = effects->became_readable || effects->became_writable;

	/* Needs no barrier: see the top of this file. */
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

/* Requires: the lock.  Drops it between steps, and takes it again. */
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
 * ipcdev_lock() - lock the device, with no call under way
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
 * @effects:	initialised here, filled by the step
 */
ipcdev_hot void ipcdev_step_lock(struct ipcdev_node *node, struct ipcdev_effects *effects)
	__acquires(&node->device.lock)
{
	ipcdev_effects_init(effects);
	ipcdev_lock(node);
}

/**
 * ipcdev_step_unlock() - end a step: unlock, and act on its effects
 * @node:	whose device
 * @effects:	of the step; of no use afterwards
 *
 * If the call needs more steps, this does them too.
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
 * ipcdev_drop() - free messages that the device did not take
 * @node:	whose device
 * @messages:	of one write, linked by @next
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
 * ipcdev_call_init() - initialise a call of the current task
 * @call:	on the task's stack
 * @file:	that the call is made on
 * @bytes:	the call's count
 * @nowait:	IOCB_NOWAIT: don't park, whatever the file's flags say
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

/* If so, all that other tasks wrote to the call is visible, and they will write no more. */
static bool ipcdev_is_done(const struct ipcdev_call *call)
{
	return smp_load_acquire(&call->done); /* pairs with ipcdev_answer() */
}

/*
 * A signal is pending.  If it is the freezer's, which signals tasks that are not asleep yet,
 * freezes here, and returns true after the thaw; then only real signals are still pending.
 */
static bool ipcdev_was_frozen(void)
{
	/* Only exec and exit of the task itself change this pointer. */
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
 * Returns once the call is done, or a signal is pending that @state allows.  Not inlined:
 * parked calls sleep here, and /proc/PID/wchan shows the function's name.
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

/* On a signal: cancels the call if it is still parked. */
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
		ipcdev_wait(call, TASK_UNINTERRUPTIBLE); /* the waker is about to set done */
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
	struct ipcdev_effects effects __uninitialized; /* step_lock sets it */

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
