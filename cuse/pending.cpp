// SPDX-License-Identifier: MIT
#include "pending.h"

namespace ipcdev {

PendingCalls::~PendingCalls() {
    while (unused_.pop_front() != nullptr) {
    }
}

PendingCall* PendingCalls::make() {
    Request* unused = unused_.pop_front();
    return unused != nullptr ? static_cast<PendingCall*>(unused) : places_.make();
}

void PendingCalls::release(PendingCall& call) {
    call.state = RequestState::idle;
    call.message = nullptr;
    call.open = nullptr;
    unused_.push_front(call); // the next one is better the one just used
}

void ParkedCalls::remove(PendingCall& call) {
    if (call.parked_hook.linked()) {
        chain_of(call.id).erase(call);
    }
}

PendingCall* ParkedCalls::find(std::uint64_t id) {
    Chain& chain = chain_of(id);
    PendingCall* call = chain.front();
    while (call != nullptr && call->id != id) {
        call = chain.next(*call);
    }
    return call;
}

// The kernel counts its requests, by a step that may be any; this spreads them
// all the same (Knuth's multiplicative hashing, by 2^64 over the golden ratio).
ParkedCalls::Chain& ParkedCalls::chain_of(std::uint64_t id) {
    constexpr std::uint64_t multiplier = 0x9e37'79b9'7f4a'7c15;
    return chains_.at((id * multiplier) >> (64U - chains_log2));
}

} // namespace ipcdev
