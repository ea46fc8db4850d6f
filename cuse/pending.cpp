// SPDX-License-Identifier: MIT
#include "pending.h"

#include <cerrno>
#include <new>

namespace ipcdev {

Reply& Reply::operator=(Reply&& other) noexcept {
    if (this != &other) {
        if (request_ != nullptr) {
            error(EIO);
        }
        request_ = other.take();
    }
    return *this;
}

Reply::~Reply() {
    if (request_ != nullptr) {
        error(EIO);
    }
}

bool Reply::error(int positive_errno) {
    return fuse_reply_err(take(), positive_errno) == 0;
}

bool Reply::bytes(std::span<const std::byte> data) {
    return fuse_reply_buf(take(), reinterpret_cast<const char*>(data.data()), data.size()) == 0;
}

bool Reply::count(std::size_t written) {
    return fuse_reply_write(take(), written) == 0;
}

bool Reply::ioctl_result(std::span<const std::byte> out) {
    return fuse_reply_ioctl(take(), 0, out.data(), out.size()) == 0;
}

bool Reply::poll_events(unsigned events) {
    return fuse_reply_poll(take(), events) == 0;
}

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
    if (poller_ != nullptr) {
        fuse_lowlevel_notify_poll(poller_);
    }
}

PendingCall* PendingCalls::make() {
    try {
        if (unused_.empty()) {
            auto call = std::make_unique<PendingCall>();
            if (unused_.capacity() <= all_.size()) {
                unused_.reserve((2 * all_.size()) + 16); // so that release() can't fail
            }
            all_.push_back(std::move(call));
            return all_.back().get();
        }
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
    PendingCall* call = unused_.back();
    unused_.pop_back();
    return call;
}

void PendingCalls::release(PendingCall& call) {
    call.state = RequestState::idle;
    call.message = nullptr;
    call.file = nullptr;
    unused_.push_back(&call);
}

} // namespace ipcdev
