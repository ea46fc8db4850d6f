// SPDX-License-Identifier: MIT
#include "pages.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "memory_limit.h"

namespace ipcdev {

namespace {

// What is held for messages, the log, and what the device itself needs.
constexpr std::size_t range_bytes = (std::size_t{held_mib_max} + 64) << 20U;
static_assert(range_bytes <= UndoLog::watched_bytes);

// As far as this user may: root may, and the user that it becomes may not any more.
void allow_to_lock(std::size_t bytes) {
    rlimit limit{};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    const rlimit wanted{.rlim_cur = std::max<rlim_t>(limit.rlim_cur, bytes),
                        .rlim_max = std::max<rlim_t>(limit.rlim_max, bytes)};
    setrlimit(RLIMIT_MEMLOCK, &wanted);
}

} // namespace

SharedRange::SharedRange() {
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    void* const wanted = reinterpret_cast<void*>(UndoLog::watched_begin);
    void* const place =
        mmap(wanted, range_bytes, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (place == MAP_FAILED) {
        throw std::bad_alloc();
    }
    begin_ = static_cast<std::byte*>(place);
    madvise(place, range_bytes, MADV_NOHUGEPAGE); // EINVAL where the kernel has none
    madvise(place, range_bytes, MADV_DONTDUMP);
    allow_to_lock(range_bytes);
    current_ = this;
}

// Rounds up to the pages that are taken.
bool SharedRange::lock() {
    is_locked_ = mlock2(begin_, used_, MLOCK_ONFAULT) == 0;
    return is_locked_;
}

SharedRange::~SharedRange() {
    current_ = nullptr;
    munmap(begin_, range_bytes);
}

std::byte* SharedRange::take(std::size_t wanted) {
    const auto page = static_cast<std::size_t>(getpagesize());
    if (wanted > range_bytes - used_) {
        throw std::bad_alloc();
    }
    std::byte* const place = begin_ + used_;
    given_.push_back({place, wanted});
    used_ += (wanted + page - 1) / page * page;
    return place;
}

bool SharedRange::gave(const std::byte* begin, std::size_t wanted) const {
    return std::ranges::find(given_, Given{begin, wanted}) != given_.end();
}

bool SharedRange::has(const void* place, std::size_t bytes) const {
    const auto offset = reinterpret_cast<std::uintptr_t>(place) - UndoLog::watched_begin;
    return offset <= used_ && bytes <= used_ - offset;
}

// No huge pages: the first byte of a slab would take 2 MiB, and giving back less than that
// splits one.
Pages::Pages(std::size_t bytes, int protection)
    : bytes_(bytes), is_shared_(SharedRange::current() != nullptr) {
    if (is_shared_) {
        begin_ = SharedRange::current()->take(bytes);
        return;
    }
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
    if (!is_shared_) {
        munmap(begin_, bytes_);
    }
}

bool Pages::protect(std::size_t offset, std::size_t bytes, int protection) const {
    return is_shared_ || mprotect(begin_ + offset, bytes, protection) == 0;
}

bool Pages::populate(std::size_t offset, std::size_t bytes) const {
    return !is_shared_ || madvise(begin_ + offset, bytes, MADV_POPULATE_WRITE) == 0 ||
           errno == EINVAL; // before Linux 5.14
}

void Pages::give_back(std::size_t offset, std::size_t bytes) const {
    const bool is_locked = is_shared_ && SharedRange::current()->is_locked();
    if (is_locked) {
        munlock(begin_ + offset, bytes); // the kernel takes no locked pages
    }
    madvise(begin_ + offset, bytes, is_shared_ ? MADV_REMOVE : MADV_DONTNEED);
    if (is_locked) {
        mlock2(begin_ + offset, bytes, MLOCK_ONFAULT);
    }
}

} // namespace ipcdev
