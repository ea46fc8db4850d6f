// SPDX-License-Identifier: MIT
#include "pages.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <stdexcept>

#include "descriptor.h"
#include "layout.h"
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

constexpr std::array<char, 8> magic{'i', 'p', 'c', 'd', 'e', 'v', 'd', '1'};
constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

int make_memory() {
    rlimit files{};
    getrlimit(RLIMIT_FSIZE, &files);
    if (files.rlim_cur < range_bytes) { // or a signal would say so
        throw std::runtime_error(
            "files may be too small here for --keep: run 'ulimit -f unlimited' "
            "first, or set LimitFSIZE=infinity in the unit");
    }
    constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    Descriptor memory(memfd_create("ipcdevd", flags | MFD_NOEXEC_SEAL));
    if (!memory.is_open() && errno == EINVAL) { // before Linux 6.3
        memory = Descriptor(memfd_create("ipcdevd", flags));
    }
    if (!memory.is_open() || ftruncate(memory.get(), range_bytes) == -1 ||
        fcntl(memory.get(), F_ADD_SEALS, seals) == -1) {
        throw std::bad_alloc();
    }
    return memory.release();
}

std::size_t whole_pages(std::size_t bytes) {
    const auto page = static_cast<std::size_t>(getpagesize());
    return (bytes + page - 1) / page * page;
}

} // namespace

struct SharedRange::Header {
    std::array<char, 8> magic;
    std::uint32_t version; // of the layout
    Taken taken;
};

SharedRange::SharedRange() : memory_(make_memory()), version_(layout_version) {
    map();
    taken_.used = whole_pages(sizeof(Header));
}

SharedRange::SharedRange(int memory) : memory_(memory), version_(0) {
    const int sealed = fcntl(memory_, F_GET_SEALS);
    if (sealed == -1 || (sealed & seals) != seals ||
        lseek(memory_, 0, SEEK_END) != off_t{range_bytes}) {
        throw std::runtime_error("what was handed over is not the memory of an ipcdevd");
    }
    map();
    const auto& header = *reinterpret_cast<const Header*>(begin_);
    if (header.magic != magic || header.taken.count > taken_.given.size()) {
        munmap(begin_, range_bytes);
        current_ = nullptr;
        throw std::runtime_error("what was handed over is not the memory of an ipcdevd");
    }
    version_ = header.version;
    taken_ = header.taken;
}

void SharedRange::map() {
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    void* const wanted = reinterpret_cast<void*>(UndoLog::watched_begin);
    void* const place = mmap(wanted, range_bytes, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, memory_, 0);
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
    is_locked_ = mlock2(begin_, taken_.used, MLOCK_ONFAULT) == 0;
    return is_locked_;
}

SharedRange::~SharedRange() {
    current_ = nullptr;
    munmap(begin_, range_bytes);
    close(memory_);
}

std::byte* SharedRange::take(std::size_t wanted, std::optional<Part> part) {
    Given* const named = part ? &taken_.parts.at(static_cast<std::size_t>(*part)) : nullptr;
    if (named != nullptr && named->bytes == wanted) {
        return begin_ + named->offset;
    }
    std::byte* const place = begin_ + taken_.used;
    const Given given{.offset = taken_.used, .bytes = wanted};
    const bool is_new = !gave(place, wanted);
    if (wanted > range_bytes - taken_.used || (is_new && taken_.count == taken_.given.size())) {
        throw std::bad_alloc();
    }
    if (is_new) {
        taken_.given.at(taken_.count) = given;
        ++taken_.count;
    }
    if (named != nullptr) {
        *named = given;
    }
    taken_.used += whole_pages(wanted);
    return place;
}

bool SharedRange::gave(const std::byte* begin, std::size_t wanted) const {
    const auto all = std::span(taken_.given).first(taken_.count);
    const Given given{.offset = static_cast<std::uint64_t>(begin - begin_), .bytes = wanted};
    return std::ranges::find(all, given) != all.end();
}

// The header was not taken.
bool SharedRange::has(const void* place, std::size_t bytes) const {
    const auto offset = reinterpret_cast<std::uintptr_t>(place) - UndoLog::watched_begin;
    return offset >= whole_pages(sizeof(Header)) && offset <= taken_.used &&
           bytes <= taken_.used - offset;
}

int SharedRange::hand_over() {
    const std::size_t bytes = whole_pages(sizeof(Header));
    if (mprotect(begin_, bytes, PROT_READ | PROT_WRITE) == -1) {
        throw std::bad_alloc();
    }
    *reinterpret_cast<Header*>(begin_) = {.magic = magic, .version = version_, .taken = taken_};
    if (mprotect(begin_, bytes, PROT_READ) == -1) {
        throw std::bad_alloc();
    }
    return memory_;
}

// The sizes of all objects are in there, so a change of these counts as another layout even if
// nobody has thought of the version.
std::string SharedRange::layout() const {
    std::uint64_t sizes = 0xcbf2'9ce4'8422'2325;
    for (const Given& given : std::span(taken_.given).first(taken_.count)) {
        sizes = (sizes ^ given.bytes) * 0x100'0000'01b3; // FNV-1a, by words
    }
    std::array<char, 40> word{};
    std::snprintf(word.data(), word.size(), "%u.%016llx", version_,
                  static_cast<unsigned long long>(sizes));
    return word.data();
}

// No huge pages: the first byte of a slab would take 2 MiB, and giving back less than that
// splits one.
Pages::Pages(std::size_t bytes, int protection, std::optional<Part> part)
    : bytes_(bytes), is_shared_(SharedRange::current() != nullptr) {
    if (is_shared_) {
        begin_ = SharedRange::current()->take(bytes, part);
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
