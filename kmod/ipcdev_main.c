// SPDX-License-Identifier: GPL-2.0
/*
 * The module: its parameters, and the nodes from load to unload.
 *
 * What a device does is in device.c, how a call enters it in file.c and call.c.
 */
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "node.h"

#define IPCDEV_NODES_MAX 64
#define IPCDEV_NAME_MAX 63

static char *names[IPCDEV_NODES_MAX] = { IPCDEV_DEFAULT_NAME };
static int names_count = 1;
module_param_array(names, charp, &names_count, 0444);
MODULE_PARM_DESC(names, "comma-separated names of the devices in /dev (ipcdev)");

static char *mode = "fifo";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode, "fifo; ring: keeps the newest messages, writers never wait; or slot: a ring of depth 1 (fifo)");

static uint depth;
module_param(depth, uint, 0444);
MODULE_PARM_DESC(depth, "messages a fifo or a ring holds, 1 to 65536 (64); a slot has 1");

static uint max_message = IPCDEV_MESSAGE_DEFAULT;
module_param(max_message, uint, 0444);
MODULE_PARM_DESC(max_message, "maximum bytes of one message, 1 to 65536 (4096)");

static ushort permissions = 0600;
module_param(permissions, ushort, 0444);
MODULE_PARM_DESC(permissions, "mode of the device nodes, in octal with a leading 0 (0600)");

/* The values of the parameter mode, which sysfs shows too. */
const char *const ipcdev_modes[IPCDEV_MODE_RING + 1] = {
	[IPCDEV_MODE_FIFO] = "fifo",
	[IPCDEV_MODE_SLOT] = "slot",
	[IPCDEV_MODE_RING] = "ring",
};

static dev_t ipcdev_first;
static struct ipcdev_node *ipcdev_nodes[IPCDEV_NODES_MAX]; /* that are live */
static int ipcdev_nodes_count;

static char *ipcdev_devnode(ipcdev_devnode_device *dev, umode_t *node_mode)
{
	if (node_mode)
		*node_mode = S_IFCHR | permissions; /* devtmpfs takes a bare 0 for 'not given' */
	return NULL;
}

static struct class ipcdev_class = {
	.name = "ipcdev",
	.devnode = ipcdev_devnode,
	.dev_groups = ipcdev_groups,
};

static bool __init ipcdev_is_a_name(const char *name)
{
	const char *at;

	if (!isalnum(name[0]) || strlen(name) > IPCDEV_NAME_MAX)
		return false;
	for (at = name; *at; at++) {
		if (!isalnum(*at) && !strchr("._-", *at))
			return false;
	}
	return true;
}

static int __init ipcdev_check_names(void)
{
	int i, j;

	for (i = 0; i < names_count; i++) {
		if (!ipcdev_is_a_name(names[i])) {
			pr_err("names: must be 1 to %d letters, digits, '.', '_' or '-', beginning with a letter or digit, not '%s'\n",
			       IPCDEV_NAME_MAX, names[i]);
			return -EINVAL;
		}
		for (j = 0; j < i; j++) {
			if (!strcmp(names[i], names[j])) {
				pr_err("names: '%s' is given twice\n", names[i]);
				return -EINVAL;
			}
		}
	}
	return 0;
}

/* The mode of that name, or 0. */
static u32 __init ipcdev_mode_of(const char *name)
{
	u32 found;

	for (found = IPCDEV_MODE_RING; found; found--) {
		if (!strcmp(name, ipcdev_modes[found]))
			break;
	}
	return found;
}

static int __init ipcdev_check_settings(struct ipcdev_settings *settings)
{
	struct ipcdev_settings_change change = {
		.mode = ipcdev_mode_of(mode), .depth = depth, .max_message = max_message,
	};

	settings->mode = IPCDEV_MODE_FIFO;
	settings->depth = IPCDEV_DEPTH_DEFAULT;
	settings->max_message = IPCDEV_MESSAGE_DEFAULT;
	if (!change.mode) {
		pr_err("mode: must be fifo, ring or slot, not '%s'\n", mode);
		return -EINVAL;
	}
	if (!max_message) {
		pr_err("max_message: must be 1 to %d, not 0\n", IPCDEV_MESSAGE_MAX);
		return -EINVAL;
	}
	if (ipcdev_device_apply(&change, settings)) {
		pr_err("depth=%u max_message=%u: a fifo or a ring takes 1 to %d messages, a slot 1, of 1 to %d bytes, and no more than %u MiB in all\n",
		       depth, max_message, IPCDEV_DEPTH_MAX, IPCDEV_MESSAGE_MAX,
		       IPCDEV_QUEUE_BYTES_MAX >> 20);
		return -EINVAL;
	}
	if (permissions & ~0777) {
		pr_err("permissions: must be 0 to 0777 in octal with a leading 0, not %#o\n",
		       permissions);
		return -EINVAL;
	}
	return 0;
}

/*
 * An `echo > /dev/NAME` before anything serves it leaves a regular file there.  devtmpfs
 * then can't create the node, and would not report that.
 */
static int __init ipcdev_check_path(const char *name)
{
	char *path = kasprintf(GFP_KERNEL, "/dev/%s", name);
	struct path found;
	umode_t type;
	int error;

	if (!path)
		return -ENOMEM;
	error = kern_path(path, 0, &found);
	if (!error) {
		type = d_inode(found.dentry)->i_mode;
		path_put(&found);
		if (S_ISREG(type))
			pr_err("%s is a regular file, left by a program that wrote there before the device was served: remove it and load the module again\n",
			       path);
		else
			pr_err("%s already exists: stop what serves it, or choose another name by names=\n",
			       path);
		error = -EEXIST;
	} else {
		error = error == -ENOENT ? 0 : error;
	}
	kfree(path);
	return error;
}

static void ipcdev_node_release(struct device *dev)
{
	struct ipcdev_node *node = container_of(dev, struct ipcdev_node, dev);
	struct ipcdev_effects effects;

	ipcdev_step_lock(node, &effects);
	ipcdev_device_clear(&node->device, &effects); /* what nobody read */
	ipcdev_step_unlock(node, &effects);
	ipcdev_buffers_trim(&node->buffers);
	kfree(node);
}

static struct ipcdev_node *__init ipcdev_node_create(const char *name, dev_t number,
						     const struct ipcdev_settings *settings)
{
	struct ipcdev_node *node = kzalloc(sizeof(*node), GFP_KERNEL);
	int error;

	if (!node)
		return ERR_PTR(-ENOMEM);
	ipcdev_device_init(&node->device, settings);
	ipcdev_accounts_init(&node->accounts);
	ipcdev_buffers_init(&node->buffers);
	init_waitqueue_head(&node->pollers);
	device_initialize(&node->dev);
	node->dev.class = &ipcdev_class;
	node->dev.devt = number;
	node->dev.release = ipcdev_node_release;
	cdev_init(&node->cdev, &ipcdev_file_operations);
	node->cdev.owner = THIS_MODULE;
	error = dev_set_name(&node->dev, "%s", name);
	if (error)
		goto put;
	error = cdev_device_add(&node->cdev, &node->dev);
	if (error)
		goto put;
	return node;

put:
	put_device(&node->dev);
	return ERR_PTR(error);
}

static void ipcdev_node_destroy(struct ipcdev_node *node)
{
	cdev_device_del(&node->cdev, &node->dev);
	put_device(&node->dev);
}

static void ipcdev_destroy_nodes(void)
{
	while (ipcdev_nodes_count)
		ipcdev_node_destroy(ipcdev_nodes[--ipcdev_nodes_count]);
}

/*
 * A node is live at once, and whoever opens it pins the module against rmmod, but not
 * against a failing load, which would free the module under the open file.  So loading
 * succeeds once one node is live.
 */
static int __init ipcdev_create_nodes(const struct ipcdev_settings *settings)
{
	struct ipcdev_node *node;
	int error = 0;
	int i;

	for (i = 0; i < names_count; i++) {
		node = ipcdev_node_create(names[i], ipcdev_first + i, settings);
		if (IS_ERR(node)) {
			pr_err("not serving /dev/%s: can't make it: %pe\n", names[i], node);
			error = PTR_ERR(node);
		} else {
			ipcdev_nodes[ipcdev_nodes_count++] = node;
		}
	}
	return ipcdev_nodes_count ? 0 : error;
}

static int __init ipcdev_load(void)
{
	struct ipcdev_settings settings;
	int error, i;

	error = ipcdev_check_names();
	if (error)
		return error;
	error = ipcdev_check_settings(&settings);
	if (error)
		return error;
	for (i = 0; i < names_count; i++) {
		error = ipcdev_check_path(names[i]);
		if (error)
			return error;
	}
	error = alloc_chrdev_region(&ipcdev_first, 0, names_count, "ipcdev");
	if (error)
		return error;
	error = class_register(&ipcdev_class);
	if (error)
		goto unregister_region;
	error = ipcdev_create_nodes(&settings);
	if (error)
		goto unregister_class;
	pr_info("serving /dev/%s%s: %s, %u messages of up to %u bytes\n",
		dev_name(&ipcdev_nodes[0]->dev), ipcdev_nodes_count > 1 ? " and others" : "", mode,
		settings.depth, settings.max_message);
	return 0;

unregister_class:
	class_unregister(&ipcdev_class);
unregister_region:
	unregister_chrdev_region(ipcdev_first, names_count);
	return error;
}

static void __exit ipcdev_unload(void)
{
	ipcdev_destroy_nodes();
	class_unregister(&ipcdev_class);
	unregister_chrdev_region(ipcdev_first, names_count);
}

module_init(ipcdev_load);
module_exit(ipcdev_unload);

MODULE_AUTHOR("The ipcdev authors");
MODULE_DESCRIPTION("Messages between processes through a character device");
MODULE_VERSION(IPCDEV_VERSION);
MODULE_LICENSE("GPL");
