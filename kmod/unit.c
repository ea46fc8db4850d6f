// SPDX-License-Identifier: GPL-2.0
/*
 * The module as one unit for the compiler, as the scheduler's policies are one in the
 * kernel: a write and a read of a small message pass through 20 functions, and what it
 * costs to call them is a tenth of it all.
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
