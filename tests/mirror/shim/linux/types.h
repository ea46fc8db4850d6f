/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_TYPES_H
#define SHIM_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

/* Of the kernel's compiler_types.h. */
#define noinline __attribute__((__noinline__))
#define __flatten __attribute__((__flatten__))

struct list_head {
	struct list_head *next, *prev;
};

#endif
