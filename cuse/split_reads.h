// SPDX-License-Identifier: MIT
//
// Where reads go on that the kernel has split. A readv of very many segments comes
// as several requests, and between two of them other threads read, by the same open
// too. So it is kept by open and thread: a thread is in one call at a time.
//
// Not thread-safe: callers serialise.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "list.h"
#include "pages.h"
#include "uapi/ipcdev.h"

namespace ipcdev {

// Of a request that got all it asked for: its end.
struct ReadPart {
    off_t offset = 0;           // in the call, as the kernel counts
    std::uint64_t sequence = 0; // of the message; 0: nobody's remainder
    std::uint32_t begin = 0;    // of what is left of it
};

class SplitReads {
  public:
    // Throws std::bad_alloc.
    SplitReads() : places_(IPCDEV_PARKED_MAX) {}
    SplitReads(const SplitReads&) = delete;
    SplitReads& operator=(const SplitReads&) = delete;
    ~SplitReads();

    // Constant time, and no memory is needed. The oldest is forgotten for a new one
    // when there are as many as calls can be parked: so many threads may be between
    // two requests at once. `open`: a number that no other open has had.
    void remember(std::uint64_t open, pid_t thread, const ReadPart& part);
    void forget(std::uint64_t open, pid_t thread);
    // What was remembered last; null if nothing is.
    [[nodiscard]] const ReadPart* find(std::uint64_t open, pid_t thread);

  private:
    struct Entry {
        ListHook age_hook;
        ListHook chain_hook;
        std::uint64_t open = 0;
        pid_t thread = 0;
        ReadPart part;
    };
    using ByAge = List<Entry, &Entry::age_hook>;
    using Chain = List<Entry, &Entry::chain_hook>;

    static constexpr unsigned chains_log2 = 10;

    Chain& chain_of(std::uint64_t open, pid_t thread);
    static Entry* find_in(Chain& chain, std::uint64_t open, pid_t thread);
    Entry& take(std::uint64_t open, pid_t thread);

    Places<Entry> places_;
    ByAge used_;   // the latest first
    ByAge unused_; // made once, and forgotten
    std::array<Chain, std::size_t{1} << chains_log2> chains_;
};

} // namespace ipcdev
