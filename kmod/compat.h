/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that this builds for: 6.1 and later.  All
 * guards are here.
 */
#ifndef IPCDEV_COMPAT_H
#define IPCDEV_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "ipcdev needs Linux 6.1 or later"
#endif

/* 6.2: struct class::devnode got a const device (ff62b8e6588f). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define ipcdev_devnode_device const struct device
#else
#define ipcdev_devnode_device struct device
#endif

#endif /* IPCDEV_COMPAT_H */
