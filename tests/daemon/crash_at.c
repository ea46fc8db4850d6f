/* SPDX-License-Identifier: MIT
 *
 * Preloaded into the daemon (LD_PRELOAD): a process that copies or writes exactly so many bytes gets a
 * signal first, as if it crashed there. The file that $IPCDEV_CRASH names says how many bytes, and which
 * signals come, one after the other; then none does. So a test chooses a request by its size.
 */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crash_at.h"

static volatile struct ipcdev_crash *plan;

__attribute__((constructor)) static void map_the_plan(void) {
    const char* path = getenv("IPCDEV_CRASH");
    const int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void* place = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

    plan = place == MAP_FAILED ? NULL : place;
}

static void crash_if(size_t bytes, size_t at) {
    if (plan != NULL && bytes == at && plan->next < IPCDEV_CRASHES_MAX && plan->signals[plan->next] != 0) {
        kill(getpid(), plan->signals[plan->next++]);
    }
}

void* memcpy(void* to, const void* from, size_t bytes) {
    if (plan != NULL) {
        crash_if(bytes, plan->copied_bytes);
    }
    return memmove(to, from, bytes);
}

ssize_t write(int file, const void* from, size_t bytes) {
    if (plan != NULL) {
        crash_if(bytes, plan->answer_bytes);
    }
    return syscall(SYS_write, file, from, bytes);
}
