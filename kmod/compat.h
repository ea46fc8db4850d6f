/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels this builds for, 6.1 and later.  All version
 * checks are here.
 */
#ifndef IPCDEV_COMPAT_H
#define IPCDEV_COMPAT_H

#include <linux/uaccess.h>
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

/*
 * Architectures that inline the copies need not export _copy_from_user().  There the
 * check of CONFIG_HARDENED_USERCOPY is done.
 */
#ifdef INLINE_COPY_FROM_USER
#define ipcdev_copy_from_user copy_from_user
#else
#define ipcdev_copy_from_user _copy_from_user
#endif
#ifdef INLINE_COPY_TO_USER
#define ipcdev_copy_to_user copy_to_user
#else
#define ipcdev_copy_to_user _copy_to_user
#endif

#endif /* IPCDEV_COMPAT_H */
