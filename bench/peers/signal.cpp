// SPDX-License-Identifier: MIT
//
// Real-time signals: they queue, and carry 8 bytes. Received by sigwaitinfo, or by
// signalfd, which can be polled.
#include <sched.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

#include "descriptor_channel.h"
#include "futex.h"
#include "interruption.h"
#include "peers/memory.h"
#include "peers/peers.h"
#include "support/errors.h"

namespace ipcdev::bench {

namespace {

int signal_of(const Shape& shape) {
    return SIGRTMIN + 1 + static_cast<int>(shape.index);
}

// Signals go to a process: the one that receives says which, in memory that all share.
class Addressee {
  public:
    explicit Addressee(int signal_number)
        : signal_(signal_number), page_(Source::anonymous, sizeof(FutexWord)) {
        sigemptyset(&set_);
        sigaddset(&set_, signal_);
        block();
    }

    [[nodiscard]] const sigset_t& set() const { return set_; }

    void is_this_process() const {
        block();
        word().store(static_cast<std::uint32_t>(getpid()));
    }

    // The kernel queues so many for a user, and no more: then the receiver has to go on.
    void send() const {
        const sigval value{.sival_ptr = nullptr};
        while (sigqueue(static_cast<pid_t>(word().load()), signal_, value) == -1) {
            if (errno != EAGAIN) {
                test::throw_errno("sigqueue");
            }
            interruption::check();
            sched_yield();
        }
    }

  private:
    void block() const { sigprocmask(SIG_BLOCK, &set_, nullptr); }
    [[nodiscard]] FutexWord& word() const { return *reinterpret_cast<FutexWord*>(page_.data()); }

    int signal_;
    Memory page_;
    sigset_t set_{};
};

class Signal final : public Channel {
  public:
    explicit Signal(const Shape& shape) : addressee_(signal_of(shape)) {}

    void become_receiver() override { addressee_.is_this_process(); }
    bool send(std::span<const std::byte> /*message*/) override {
        addressee_.send();
        return true;
    }
    bool receive(std::span<std::byte> /*message*/) override {
        while (sigwaitinfo(&addressee_.set(), nullptr) == -1) {
            interruption::retry_or_throw("sigwaitinfo");
        }
        return true;
    }

  private:
    Addressee addressee_;
};

class SignalDescriptor final : public DescriptorChannel {
  public:
    explicit SignalDescriptor(const Shape& shape) : SignalDescriptor(Addressee(signal_of(shape))) {}

    void become_receiver() override { addressee_.is_this_process(); }
    bool send(std::span<const std::byte> /*message*/) override {
        addressee_.send();
        return true;
    }
    bool receive(std::span<std::byte> /*message*/) override {
        signalfd_siginfo information{};
        return DescriptorChannel::receive(std::as_writable_bytes(std::span(&information, 1)));
    }

  private:
    explicit SignalDescriptor(Addressee addressee)
        : DescriptorChannel({},
                            test::Descriptor(test::checked(
                                signalfd(-1, &addressee.set(), SFD_CLOEXEC), "signalfd")),
                            Kind::messages),
          addressee_(std::move(addressee)) {}

    Addressee addressee_;
};

Abilities of_signals() {
    return {.message_bytes = sizeof(sigval),
            .no_longer = "a signal carries 8 bytes",
            .no_crowd = "a signal goes to one process",
            .no_fill = "the kernel counts them for the user, not by memory"};
}

} // namespace

void add_signal(Peers& peers) {
    Abilities by_call = of_signals();
    by_call.no_poll = "poll can't wait for it; signalfd can";
    peers.push_back({.name = "signal",
                     .what = "sigqueue and sigwaitinfo: real-time signals, which carry 8 bytes",
                     .abilities = by_call,
                     .open = [](const Shape& shape) { return std::make_unique<Signal>(shape); }});
    peers.push_back(
        {.name = "signalfd",
         .what = "sigqueue and signalfd",
         .abilities = of_signals(),
         .open = [](const Shape& shape) { return std::make_unique<SignalDescriptor>(shape); }});
}

} // namespace ipcdev::bench
