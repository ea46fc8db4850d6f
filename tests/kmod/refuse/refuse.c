// SPDX-License-Identifier: GPL-2.0
/*
 * Has one call of cdev_device_add() fail, on a kernel that injects no faults: the call
 * @nth from the load of this on sleeps until @go is set, and returns -ENOMEM.  By a kprobe
 * that jumps to another function with the same arguments, so only on x86-64.
 */
#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/kprobes.h>
#include <linux/module.h>

static int nth = 1;
module_param(nth, int, 0444);
MODULE_PARM_DESC(nth, "which call is refused (1)");

static DECLARE_COMPLETION(told);

static int set_go(const char *value, const struct kernel_param *parameter)
{
	complete_all(&told);
	return 0;
}

static const struct kernel_param_ops go_ops = { .set = set_go };
module_param_cb(go, &go_ops, NULL, 0200);
MODULE_PARM_DESC(go, "written to: the refused call returns");

static atomic_t calls;

static int refused_cdev_device_add(struct cdev *cdev, struct device *dev)
{
	wait_for_completion(&told);
	return -ENOMEM;
}

static int before(struct kprobe *probe, struct pt_regs *regs)
{
	if (atomic_inc_return(&calls) != nth)
		return 0;
	instruction_pointer_set(regs, (unsigned long)refused_cdev_device_add);
	return 1;
}

/* That there is one keeps the kernel from probes by which nobody can jump. */
static void after(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe probe = {
	.symbol_name = "cdev_device_add",
	.pre_handler = before,
	.post_handler = after,
};

static int __init refuse_load(void)
{
	return register_kprobe(&probe);
}

static void __exit refuse_unload(void)
{
	unregister_kprobe(&probe);
}

module_init(refuse_load);
module_exit(refuse_unload);

MODULE_AUTHOR("The ipcdev authors");
MODULE_DESCRIPTION("Has one device fail to be made, for tests");
MODULE_LICENSE("GPL");
