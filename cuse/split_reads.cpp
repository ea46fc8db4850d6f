// SPDX-License-Identifier: MIT
#include "split_reads.h"

namespace ipcdev {

SplitReads::~SplitReads() {
    for (Chain& chain : chains_) {
        while (chain.pop_front() != nullptr) {
        }
    }
    while (used_.pop_front() != nullptr) {
    }
    while (unused_.pop_front() != nullptr) {
    }
}

void SplitReads::remember(std::uint64_t open, pid_t thread, const ReadPart& part) {
    // Mostly it is the one that was remembered last.
    Entry* entry = used_.front();
    if (entry == nullptr || entry->open != open || entry->thread != thread) {
        entry = &take(open, thread);
    }
    entry->part = part;
}

void SplitReads::forget(std::uint64_t open, pid_t thread) {
    Chain& chain = chain_of(open, thread);
    if (Entry* entry = find_in(chain, open, thread); entry != nullptr) {
        chain.erase(*entry);
        used_.erase(*entry);
        unused_.push_front(*entry);
    }
}

const ReadPart* SplitReads::find(std::uint64_t open, pid_t thread) {
    const Entry* entry = find_in(chain_of(open, thread), open, thread);
    return entry == nullptr ? nullptr : &entry->part;
}

// Knuth's multiplicative hashing, by 2^64 over the golden ratio.
SplitReads::Chain& SplitReads::chain_of(std::uint64_t open, pid_t thread) {
    constexpr std::uint64_t multiplier = 0x9e37'79b9'7f4a'7c15;
    const std::uint64_t key = (open << 32U) ^ static_cast<std::uint32_t>(thread);
    return chains_.at((key * multiplier) >> (64U - chains_log2));
}

SplitReads::Entry* SplitReads::find_in(Chain& chain, std::uint64_t open, pid_t thread) {
    Entry* entry = chain.front();
    while (entry != nullptr && (entry->open != open || entry->thread != thread)) {
        entry = chain.next(*entry);
    }
    return entry;
}

// The thread's entry, an unused one, or the oldest: now the latest, and its.
SplitReads::Entry& SplitReads::take(std::uint64_t open, pid_t thread) {
    Chain& chain = chain_of(open, thread);
    Entry* entry = find_in(chain, open, thread);
    if (entry != nullptr) {
        used_.erase(*entry);
    } else {
        entry = unused_.pop_front();
        if (entry == nullptr) {
            entry = places_.make();
        }
        if (entry == nullptr) {
            entry = used_.pop_back();
            chain_of(entry->open, entry->thread).erase(*entry);
        }
        entry->open = open;
        entry->thread = thread;
        chain.push_front(*entry);
    }
    used_.push_front(*entry);
    return *entry;
}

} // namespace ipcdev
