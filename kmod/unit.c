// SPDX-License-Identifier: GPL-2.0
/*
 * The module as one translation unit, like the policies of the kernel's scheduler: a write
 * and a read of a small message pass through 20 functions, and calling them would cost a
 * tenth of the total.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "node.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
#undef CREATE_TRACE_POINTS

#include "device.c"
#include "account.c"
#include "buffer.c"
#include "call.c"
#include "file.c"
#include "ioctl.c"
#include "sysfs.c"
#include "ipcdev_main.c"
