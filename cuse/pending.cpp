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
    unused_.push_front(call); // reused first, since it is in the cache
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

// The kernel's ids are a sequence of unknown step. Knuth's multiplicative hashing, by 2^64
// over the golden ratio, spreads them whatever the step.
ParkedCalls::Chain& ParkedCalls::chain_of(std::uint64_t id) {
    constexpr std::uint64_t multiplier = 0x9e37'79b9'7f4a'7c15;
    return chains_.at((id * multiplier) >> (64U - chains_log2));
}

} // namespace ipcdev
