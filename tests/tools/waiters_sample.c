/* SPDX-License-Identifier: MIT */
/*
 * Writes the number of the WAITERS ioctl, and a filled struct, as the header has
 * them. ipcdev-who, which can't include it, must read back what who_test.py
 * knows to be in there.
 */
#include <stdint.h>
#include <stdio.h>

#include "uapi/ipcdev.h"

int main(void) {
    const uint64_t number = IPCDEV_IOC_WAITERS;
    struct ipcdev_waiters sample = {0};
    struct ipcdev_waiter* last = &sample.waiters[IPCDEV_WAITERS_PER_CALL - 1];

    sample.size = sizeof(sample);
    sample.first = 1;
    sample.count = 2;
    sample.total = 3;
    sample.waiters[0].pid = 4;
    sample.waiters[0].operation = IPCDEV_WAITER_READ;
    last->pid = -5;
    last->operation = IPCDEV_WAITER_WRITE;
    last->bytes = 6;
    last->since_ns = 7;
    return fwrite(&number, sizeof(number), 1, stdout) == 1 &&
                   fwrite(&sample, sizeof(sample), 1, stdout) == 1
               ? 0
               : 1;
}
