// SPDX-License-Identifier: MIT
//
// What the scenarios of ipcdev-fail-nth are made of.
#pragma once

#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "fail_nth_scenarios.h"

namespace ipcdev::fail_nth {

// A text as several segments, for readv and writev.
inline std::vector<iovec> segments_of(std::string& text, std::size_t count) {
    std::vector<iovec> segments;
    const std::size_t bytes = text.size() / count;
    for (std::size_t i = 0; i < count; ++i) {
        segments.push_back({.iov_base = text.data() + i * bytes, .iov_len = bytes});
    }
    return segments;
}

// Another process that makes one call at the device.
class Helper {
  public:
    template <class Call> explicit Helper(Call call) : pid_(checked(fork(), "fork")) {
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            _exit(call() ? 0 : 1);
        }
    }
    Helper(const Helper&) = delete;
    Helper& operator=(const Helper&) = delete;
    ~Helper() {
        if (pid_ != 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
    }
    void expect_success() {
        int status = 0;
        checked(waitpid(std::exchange(pid_, 0), &status, 0), "waitpid");
        expect(status == 0, "the other process's call succeeds");
    }

  private:
    pid_t pid_;
};

inline std::string letters(std::size_t bytes) {
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) {
        text[i] = static_cast<char>('a' + i % 23);
    }
    return text;
}

inline std::size_t depth_of(unsigned mode) {
    return mode == IPCDEV_MODE_SLOT ? 1 : 4;
}

// A queue of a small depth that holds these messages.
inline void fill(const Device& device, unsigned mode, const Messages& messages) {
    device.reset(mode, static_cast<unsigned>(depth_of(mode)));
    for (const auto& message : messages) {
        device.write(message);
    }
}

// The messages after that many bytes of the first were read.
inline Messages after_reading(std::size_t bytes, Messages messages) {
    messages.at(0).erase(0, bytes);
    if (messages[0].empty()) {
        messages.erase(messages.begin());
    }
    return messages;
}

// Reads some bytes, so that the open has begun a message, unless that is all of it.
inline void read_bytes(int fd, std::size_t bytes) {
    std::string room(bytes, '\0');
    expect(::read(fd, room.data(), bytes) == static_cast<ssize_t>(bytes), "a message can be begun");
}

// `flags` of the first of them.
inline std::string frames_of(const Messages& messages, __u32 flags = 0) {
    std::string bytes;
    for (const std::string& message : messages) {
        const ipcdev_frame frame{.length = static_cast<__u32>(message.size()),
                                 .flags = std::exchange(flags, 0)};
        bytes.append(reinterpret_cast<const char*>(&frame), sizeof(frame)).append(message);
        bytes.resize((bytes.size() + IPCDEV_FRAME_ALIGN - 1) / IPCDEV_FRAME_ALIGN *
                     IPCDEV_FRAME_ALIGN);
    }
    return bytes;
}

} // namespace ipcdev::fail_nth
