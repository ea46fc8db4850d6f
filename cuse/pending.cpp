// SPDX-License-Identifier: MIT
#include "pending.h"

namespace ipcdev {

OpenFile::~OpenFile() {
    watch(nullptr);
}

void OpenFile::watch(fuse_pollhandle* handle) {
    if (poller_ != nullptr) {
        fuse_pollhandle_destroy(poller_);
    }
    poller_ = handle;
}

void OpenFile::notify_poller() {
    fuse_lowlevel_notify_poll(poller_);
    watch(nullptr);
}

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
    call.file = nullptr;
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
