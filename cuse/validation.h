// SPDX-License-Identifier: MIT
//
// Looks whether a state that another process has left is one that Operations can go on with. It may
// be anything: that process has crashed, perhaps after it wrote where it should not.
//
// What is looked at: that every pointer points to an object of its kind, every list is linked both
// ways and as long as its counter says, every slice lies in its message and every message in its
// block, and no number exceeds its limit. So Operations neither crashes nor loops in it. Which
// bytes a message has, and whether they are the right ones, can't be seen.
//
// Nothing is read before it is known to be in the pages that the processes share.
//
// To look at all messages of a long queue takes a tenth of a second. So that is done only after a
// crash; after SIGKILL, which is nobody's bug, only some thousand of them are looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "list.h"

namespace ipcdev {

class Operations;
struct Message;
struct Open;
struct Piece;
struct Request;
struct Slice;

class Validation {
  public:
    Validation(const Operations& operations, bool thorough)
        : of_(operations), most_looks_(thorough ? SIZE_MAX : some) {}

    // Each returns what is wrong, in a few words; null if nothing is. The first is for the state as
    // it was left; the second for one that was rolled back.
    [[nodiscard]] const char* flaw_of_log() const;
    [[nodiscard]] const char* flaw();

  private:
    // The length of a list, of at most `most` elements; none if it is not sound, or `is_sound`,
    // which gets the address of each element before anything there is read but its hook, says no.
    template <typename T, ListHook T::*Hook, typename IsSound>
    [[nodiscard]] std::optional<std::size_t> length(const List<T, Hook>& list, std::size_t most,
                                                    IsSound is_sound,
                                                    std::size_t* looks = nullptr) const;

    [[nodiscard]] bool pools_are_sound() const;
    [[nodiscard]] bool settings_are_sound() const;
    [[nodiscard]] bool accounts_are_sound() const;
    [[nodiscard]] bool arena_is_sound();
    [[nodiscard]] bool opens_are_sound();
    [[nodiscard]] bool queue_is_sound();
    [[nodiscard]] bool parked_calls_are_sound();
    [[nodiscard]] bool steps_are_sound();
    [[nodiscard]] bool outbox_is_sound();

    [[nodiscard]] bool is_message(const Message* message) const;
    [[nodiscard]] bool is_call(const Request* request) const;
    [[nodiscard]] bool is_open(const Open* open) const;
    [[nodiscard]] bool is_account(const void* account) const;
    [[nodiscard]] bool is_slice(const Slice& slice) const;
    [[nodiscard]] bool is_piece(const Piece* piece) const;
    [[nodiscard]] bool is_spare(const Piece* piece) const;
    [[nodiscard]] bool is_request(const Request& request, std::size_t& looks) const;
    [[nodiscard]] bool is_chain(const Message* first, std::size_t& looks) const;

    static constexpr std::size_t some = 2048;

    const Operations& of_;
    const std::size_t most_looks_;
    std::size_t messages_ = 0; // blocks of the arena in use
};

} // namespace ipcdev
