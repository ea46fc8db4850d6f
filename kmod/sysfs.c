// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/class/ipcdev/NAME: settings and gauges, and the counters below statistics/.
 * One value a file; docs/sysfs-class-ipcdev describes them.
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "node.h"

static u64 ipcdev_value(struct device *dev, size_t offset, size_t size)
{
	struct ipcdev_node *node = container_of(dev, struct ipcdev_node, dev);
	const void *field = (const char *)&node->device + offset;
	u64 value;

	ipcdev_lock(node);
	value = size == sizeof(u64) ? *(const u64 *)field : *(const u32 *)field;
	spin_unlock(&node->device.lock);
	return value;
}

/* A file that shows the field of the same name in a struct of ipcdev_device. */
#define IPCDEV_SHOW(part, field)                                                                  \
static ssize_t field##_show(struct device *dev, struct device_attribute *attribute, char *text)  \
{                                                                                                 \
	const size_t offset = offsetof(struct ipcdev_device, part.field);                         \
	const size_t size = sizeof_field(struct ipcdev_device, part.field);                       \
												  \
	return sysfs_emit(text, "%llu\n", ipcdev_value(dev, offset, size));                       \
}                                                                                                 \
static DEVICE_ATTR_RO(field)

static ssize_t mode_show(struct device *dev, struct device_attribute *attribute, char *text)
{
	u64 mode = ipcdev_value(dev, offsetof(struct ipcdev_device, settings.mode), sizeof(u32));

	return sysfs_emit(text, "%s\n", ipcdev_modes[mode]);
}
static DEVICE_ATTR_RO(mode);

IPCDEV_SHOW(settings, depth);
IPCDEV_SHOW(settings, max_message);
IPCDEV_SHOW(gauges, queued_messages);
IPCDEV_SHOW(gauges, queued_bytes);
IPCDEV_SHOW(gauges, begun_messages);
IPCDEV_SHOW(gauges, parked_readers);
IPCDEV_SHOW(gauges, parked_writers);
IPCDEV_SHOW(gauges, opens);
IPCDEV_SHOW(statistics, messages_written);
IPCDEV_SHOW(statistics, bytes_written);
IPCDEV_SHOW(statistics, messages_read);
IPCDEV_SHOW(statistics, bytes_read);
IPCDEV_SHOW(statistics, messages_overwritten);
IPCDEV_SHOW(statistics, bytes_truncated);
IPCDEV_SHOW(statistics, messages_cleared);
IPCDEV_SHOW(statistics, reader_parks);
IPCDEV_SHOW(statistics, writer_parks);
IPCDEV_SHOW(statistics, interrupted);

static struct attribute *ipcdev_now_attrs[] = {
	&dev_attr_mode.attr,
	&dev_attr_depth.attr,
	&dev_attr_max_message.attr,
	&dev_attr_queued_messages.attr,
	&dev_attr_queued_bytes.attr,
	&dev_attr_begun_messages.attr,
	&dev_attr_parked_readers.attr,
	&dev_attr_parked_writers.attr,
	&dev_attr_opens.attr,
	NULL,
};

static struct attribute *ipcdev_statistics_attrs[] = {
	&dev_attr_messages_written.attr,
	&dev_attr_bytes_written.attr,
	&dev_attr_messages_read.attr,
	&dev_attr_bytes_read.attr,
	&dev_attr_messages_overwritten.attr,
	&dev_attr_bytes_truncated.attr,
	&dev_attr_messages_cleared.attr,
	&dev_attr_reader_parks.attr,
	&dev_attr_writer_parks.attr,
	&dev_attr_interrupted.attr,
	NULL,
};

static const struct attribute_group ipcdev_now_group = {
	.attrs = ipcdev_now_attrs,
};

static const struct attribute_group ipcdev_statistics_group = {
	.name = "statistics",
	.attrs = ipcdev_statistics_attrs,
};

const struct attribute_group *ipcdev_groups[] = {
	&ipcdev_now_group,
	&ipcdev_statistics_group,
	NULL,
};
