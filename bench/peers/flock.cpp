// SPDX-License-Identifier: MIT
//
// flock as hand-off: the message lies in shared memory, and locks of three files say
// whose turn it is. Message i lies in place i % 3:
//
//        sender                                receiver
//   has lock 0                            has lock 2
//   puts 0, takes lock 1, gives 0   -->   takes lock 0, gives 2, gets 0
//   puts 1, takes lock 2, gives 1   -->   takes lock 1, gives 0, gets 1
//   puts 2, takes lock 0, gives 2   -->   takes lock 2, gives 1, gets 2
//
// The sender waits for a lock until the receiver has got the message before, so it
// never overwrites one.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "interruption.h"
#include "peers/memory.h"
#include "peers/peers.h"
#include "support/descriptor.h"
#include "support/errors.h"
#include "temporary.h"

namespace ipcdev::bench {

namespace {

constexpr unsigned places = 3;

class Flock final : public Channel {
  public:
    explicit Flock(const Shape& shape)
        : bytes_(shape.message_bytes), memory_(Source::anonymous, places * bytes_) {
        const TemporaryFolder folder;
        for (unsigned i = 0; i < places; ++i) {
            const auto path = folder.path() / std::to_string(i);
            // A lock belongs to an open file: each side opens it.
            senders_.at(i) = open_file(path);
            receivers_.at(i) = open_file(path);
        }
        change(senders_[0], LOCK_EX);
        change(receivers_[places - 1], LOCK_EX);
    }

    bool send(std::span<const std::byte> message) override {
        std::memcpy(place(sent_), message.data(), message.size());
        change(senders_.at((sent_ + 1) % places), LOCK_EX);
        change(senders_.at(sent_ % places), LOCK_UN);
        ++sent_;
        return true;
    }

    bool receive(std::span<std::byte> message) override {
        change(receivers_.at(received_ % places), LOCK_EX);
        change(receivers_.at((received_ + places - 1) % places), LOCK_UN);
        std::memcpy(message.data(), place(received_), message.size());
        ++received_;
        return true;
    }

  private:
    static test::Descriptor open_file(const std::filesystem::path& path) {
        return test::Descriptor(test::checked(
            open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR), "open"));
    }
    static void change(const test::Descriptor& file, int operation) {
        while (flock(file.get(), operation) == -1) {
            interruption::retry_or_throw("flock");
        }
    }
    [[nodiscard]] std::byte* place(std::uint64_t number) const {
        return memory_.data() + number % places * bytes_;
    }

    std::size_t bytes_;
    Memory memory_;
    std::array<test::Descriptor, places> senders_;
    std::array<test::Descriptor, places> receivers_;
    std::uint64_t sent_ = 0; // by this process: only one sends, and one receives
    std::uint64_t received_ = 0;
};

} // namespace

void add_flock(Peers& peers) {
    peers.push_back({.name = "flock",
                     .what = "shared memory, and flock as the hand-off",
                     .abilities = {.no_crowd = "the turns are for two",
                                   .no_poll = "poll can't wait for it",
                                   .no_fill = "it holds two messages"},
                     .open = [](const Shape& shape) { return std::make_unique<Flock>(shape); }});
}

} // namespace ipcdev::bench
