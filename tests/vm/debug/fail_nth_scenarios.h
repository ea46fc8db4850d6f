// SPDX-License-Identifier: MIT
//
// What ipcdev-fail-nth lets the kernel fail in: calls of every kind, with what they find
// and what must be so afterwards.
#pragma once

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "fault_injector.h"
#include "uapi/ipcdev.h"

namespace ipcdev::fail_nth {

// The device, with what the checks need. It doesn't block.
class Device {
  public:
    explicit Device(std::string path) : path_(std::move(path)), descriptor_(open()) {}

    [[nodiscard]] int get() const { return descriptor_.get(); }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] Descriptor open(int flags = O_NONBLOCK) const {
        return Descriptor(checked(::open(path_.c_str(), O_RDWR | O_CLOEXEC | flags), "open"));
    }

    [[nodiscard]] ipcdev_info info() const { return ask<ipcdev_info>(IPCDEV_IOC_INFO); }
    [[nodiscard]] ipcdev_stats stats() const { return ask<ipcdev_stats>(IPCDEV_IOC_STATS); }

    // Empty, in that mode.
    void reset(unsigned mode, unsigned depth) const {
        checked(ioctl(get(), IPCDEV_IOC_CLEAR), "CLEAR");
        ipcdev_configure change{};
        change.size = sizeof(change);
        change.mode = mode;
        change.depth = depth;
        change.max_message = IPCDEV_MESSAGE_MAX;
        checked(ioctl(get(), IPCDEV_IOC_CONFIGURE, &change), "CONFIGURE");
    }

    void write(const std::string& message) const {
        const ssize_t written = ::write(get(), message.data(), message.size());
        expect(written == static_cast<ssize_t>(message.size()), "a message is written");
    }

    // All that is queued, a message a string.
    [[nodiscard]] std::vector<std::string> drain() const {
        std::vector<std::string> messages;
        std::string room(IPCDEV_MESSAGE_MAX, '\0');
        ssize_t got = 0;
        while ((got = ::read(get(), room.data(), room.size())) > 0) {
            messages.push_back(room.substr(0, static_cast<std::size_t>(got)));
        }
        expect(errno == EAGAIN, "the queue can be drained");
        return messages;
    }

  private:
    template <class Answer> [[nodiscard]] Answer ask(unsigned long request) const {
        Answer answer{};
        answer.size = sizeof(answer);
        checked(ioctl(get(), request, &answer), "ioctl");
        return answer;
    }

    std::string path_;
    Descriptor descriptor_;
};

using Messages = std::vector<std::string>;

struct Scenario {
    std::string name;
    std::function<void()> prepare;
    std::function<long()> call;
    // What must be so if it succeeded, and if it failed.
    std::function<void(long result)> succeeded;
    std::function<void()> failed;
    bool copies = true; // from or to the program's memory, where a fault can strike
};

// Each captures the device, and what its call needs made before.
[[nodiscard]] std::vector<Scenario> scenarios(const Device& device);

} // namespace ipcdev::fail_nth
