// SPDX-License-Identifier: MIT
//
// A System V message queue. The kernel keeps it until it is removed, whoever ends:
// the destructor does.
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "interruption.h"
#include "peers/peers.h"
#include "support/errors.h"

namespace ipcdev::bench {

namespace {

constexpr std::size_t kernel_message_bytes = 8192; // kernel.msgmax

// What msgsnd and msgrcv want: the type in front of the text, which has to be copied
// therefore. A thread's own: several may receive.
struct Buffer {
    long type = 1;
    std::array<std::byte, kernel_message_bytes> text;
};
thread_local Buffer buffer;

class SysvMsg final : public Channel {
  public:
    SysvMsg() : id_(test::checked(msgget(IPC_PRIVATE, IPC_CREAT | S_IRUSR | S_IWUSR), "msgget")) {}
    ~SysvMsg() override { msgctl(id_, IPC_RMID, nullptr); }

    bool send(std::span<const std::byte> message) override {
        std::memcpy(buffer.text.data(), message.data(), message.size());
        while (msgsnd(id_, &buffer, message.size(), send_flags_) == -1) {
            if (errno == EAGAIN) {
                return false;
            }
            interruption::retry_or_throw("msgsnd");
        }
        return true;
    }

    bool receive(std::span<std::byte> message) override {
        while (msgrcv(id_, &buffer, message.size(), 0, receive_flags_) == -1) {
            if (errno == ENOMSG) {
                return false;
            }
            interruption::retry_or_throw("msgrcv");
        }
        std::memcpy(message.data(), buffer.text.data(), message.size());
        return true;
    }

    void set_non_blocking(Side side) override {
        (side == Side::sending ? send_flags_ : receive_flags_) = IPC_NOWAIT;
    }

  private:
    int id_;
    int send_flags_ = 0;
    int receive_flags_ = 0;
};

} // namespace

void add_sysv_msg(Peers& peers) {
    peers.push_back({.name = "sysv-msg",
                     .what = "a System V message queue",
                     .abilities = {.message_bytes = kernel_message_bytes,
                                   .no_longer = "above kernel.msgmax",
                                   .no_poll = "poll can't wait for it"},
                     .open = [](const Shape&) { return std::make_unique<SysvMsg>(); }});
}

} // namespace ipcdev::bench
