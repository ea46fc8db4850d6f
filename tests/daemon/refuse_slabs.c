/* SPDX-License-Identifier: MIT
 *
 * Preloaded into the daemon (LD_PRELOAD): its arena gets no slab beyond those that it has from
 * the start, as if the system had no more memory. Pages shared with other processes are beyond
 * what a resource limit can refuse.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLAB_BYTES (1U << 20U) /* nothing else makes so much writable at a time */

int mprotect(void* place, size_t bytes, int protection) {
    if (bytes == SLAB_BYTES && protection == (PROT_READ | PROT_WRITE)) {
        errno = ENOMEM;
        return -1;
    }
    return (int)syscall(SYS_mprotect, place, bytes, protection);
}
