/* SPDX-License-Identifier: MIT
 *
 * Preloaded into the daemon (LD_PRELOAD): counts its allocations in the file that
 * $IPCDEV_COUNT_ALLOCATIONS names, as one 64-bit number that the tests have mapped.
 * operator new is libstdc++'s, which calls malloc.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own, by which one can take malloc's place without dlsym, which allocates. */
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* place, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);

static uint64_t until_mapped;
static uint64_t* allocations = &until_mapped;

__attribute__((constructor)) static void map_the_count(void) {
    const char* path = getenv("IPCDEV_COUNT_ALLOCATIONS");
    const int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void* place;

    if (file == -1)
        return;
    place = mmap(NULL, sizeof(*allocations), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (place != MAP_FAILED)
        allocations = place;
    ++*allocations; /* so that the tests see that it counts */
}

void* malloc(size_t bytes) {
    ++*allocations;
    return __libc_malloc(bytes);
}

void* calloc(size_t count, size_t bytes) {
    ++*allocations;
    return __libc_calloc(count, bytes);
}

void* realloc(void* place, size_t bytes) {
    ++*allocations;
    return __libc_realloc(place, bytes);
}

void* aligned_alloc(size_t alignment, size_t bytes) {
    ++*allocations;
    return __libc_memalign(alignment, bytes);
}
