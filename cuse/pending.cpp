// SPDX-License-Identifier: MIT
#include "pending.h"

namespace ipcdev {

PendingCalls::~PendingCalls() {
    while (unused_.pop_front() != nullptr) {
    }
}

PendingCall* PendingCalls::make() {
    auto* call = static_cast<PendingCall*>(unused_.pop_front());
    call = call != nullptr ? call : places_.make();
    if (call != nullptr) {
        UndoLog::note(*call); // it may have been another one since the last commit
        call->state.construct(RequestState::idle);
        call->message.construct(nullptr);
    }
    return call;
}

void PendingCalls::release(PendingCall& call) {
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
std::size_t ParkedCalls::index_of(std::uint64_t id) {
    constexpr std::uint64_t multiplier = 0x9e37'79b9'7f4a'7c15;
    return (id * multiplier) >> (64U - chains_log2);
}

} // namespace ipcdev
