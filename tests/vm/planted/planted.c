// SPDX-License-Identifier: GPL-2.0
/*
 * Bugs, one for each thing that a debug kernel is there to find: loading this
 * with bug=NAME commits that one.  Without bug= nothing is wrong, and nothing
 * may be found.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *bug = "none";
module_param(bug, charp, 0444);
MODULE_PARM_DESC(bug, "the one to commit (none)");

#define PLANTED_BYTES 48

/* What the compiler mustn't know, or it would see through the bug. */
static int planted_distance = PLANTED_BYTES;

static int planted_use_after_free(void)
{
	char *bytes = kzalloc(PLANTED_BYTES, GFP_KERNEL);

	if (!bytes)
		return -ENOMEM;
	kfree(bytes);
	return READ_ONCE(bytes[1]) ? -EIO : 0;
}

static int planted_out_of_bounds(void)
{
	char *bytes = kzalloc(PLANTED_BYTES, GFP_KERNEL);

	if (!bytes)
		return -ENOMEM;
	WRITE_ONCE(bytes[READ_ONCE(planted_distance)], 1);
	kfree(bytes);
	return 0;
}

static DEFINE_SPINLOCK(planted_a);
static DEFINE_SPINLOCK(planted_b);

/* It never hangs: the two orders come one after the other. */
static int planted_lock_order(void)
{
	spin_lock(&planted_a);
	spin_lock(&planted_b);
	spin_unlock(&planted_b);
	spin_unlock(&planted_a);

	spin_lock(&planted_b);
	spin_lock(&planted_a);
	spin_unlock(&planted_a);
	spin_unlock(&planted_b);
	return 0;
}

static DEFINE_MUTEX(planted_sleeper);

/* A mutex that is free doesn't sleep, but it might. */
static int planted_sleep_in_atomic(void)
{
	spin_lock(&planted_a);
	mutex_lock(&planted_sleeper);
	mutex_unlock(&planted_sleeper);
	spin_unlock(&planted_a);
	return 0;
}

static char *planted_kept;

/* More than one: a stale copy of a pointer in some register hides its memory. */
static int planted_leak(void)
{
	int i;

	for (i = 0; i < 10; i++)
		WRITE_ONCE(planted_kept, kmalloc(PLANTED_BYTES, GFP_KERNEL));
	WRITE_ONCE(planted_kept, NULL);
	return 0;
}

static int planted_shift(void)
{
	int shifted = 1 << READ_ONCE(planted_distance);

	return shifted ? 0 : -EIO;
}

#define PLANTED_RACES 1000000

static int planted_shared;
static DECLARE_COMPLETION(planted_other_done);

static void planted_count(void)
{
	int i;

	for (i = 0; i < PLANTED_RACES; i++) {
		planted_shared++;
		barrier();
		if (!(i % 1000))
			cond_resched();
	}
}

static int planted_other(void *unused)
{
	planted_count();
	kthread_complete_and_exit(&planted_other_done, 0);
}

static int planted_race(void)
{
	struct task_struct *other = kthread_run(planted_other, NULL, "planted");

	if (IS_ERR(other))
		return PTR_ERR(other);
	planted_count();
	wait_for_completion(&planted_other_done);
	return 0;
}

static int planted_none(void)
{
	return 0;
}

static const struct {
	const char *name;
	int (*commit)(void);
} planted_bugs[] = {
	{ "none", planted_none },
	{ "use-after-free", planted_use_after_free },
	{ "out-of-bounds", planted_out_of_bounds },
	{ "lock-order", planted_lock_order },
	{ "sleep-in-atomic", planted_sleep_in_atomic },
	{ "leak", planted_leak },
	{ "shift", planted_shift },
	{ "race", planted_race },
};

static int __init planted_load(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(planted_bugs); i++) {
		if (!strcmp(bug, planted_bugs[i].name))
			return planted_bugs[i].commit();
	}
	pr_err("bug: there is no '%s'\n", bug);
	return -EINVAL;
}

static void __exit planted_unload(void)
{
}

module_init(planted_load);
module_exit(planted_unload);

MODULE_AUTHOR("The ipcdev authors");
MODULE_DESCRIPTION("Bugs for debug kernels to find");
MODULE_LICENSE("GPL");
