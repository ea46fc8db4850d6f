// SPDX-License-Identifier: MIT
#include "pages.h"

namespace ipcdev {

// No huge pages: the first byte of a slab would take 2 MiB, and giving back less than that
// splits one.
Pages::Pages(std::size_t bytes, int protection) : bytes_(bytes) {
    void* place =
        mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) {
        throw std::bad_alloc();
    }
    begin_ = static_cast<std::byte*>(place);
    madvise(place, bytes, MADV_NOHUGEPAGE); // EINVAL where the kernel has none
    madvise(place, bytes, MADV_DONTDUMP);
}

Pages::~Pages() {
    munmap(begin_, bytes_);
}

} // namespace ipcdev
