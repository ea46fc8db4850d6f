/* SPDX-License-Identifier: MIT
 *
 * What crash_at.c finds in the file that $IPCDEV_CRASH names, which the tests have mapped too.
 */
#pragma once

#define IPCDEV_CRASHES_MAX 8

struct ipcdev_crash {
    unsigned copied_bytes; /* by one memcpy: of the bytes of a write, before anything of it holds */
    unsigned answer_bytes; /* of an answer with its header, when all but that is done; 0: none */
    int signals[IPCDEV_CRASHES_MAX];
    int next; /* how many came */
};
