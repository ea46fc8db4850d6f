// SPDX-License-Identifier: MIT
//
// A device that goes on when the state that a killed process has left can't be used: it starts
// anew, empty, at the same place in the pages that the processes share.
//
//     calls     that were parked get EIO, and so does the one that was received last
//     pollers   wake, and look again
//     opens     go on, as they were opened; those of which nothing is known get EIO from now on
//     the rest  settings, if they are valid, and INFO's generation go on; messages and counters
//     don't
//
// May be killed at any instruction: the next process finds that it was under way, and begins anew.
#pragma once

#include <cstdint>
#include <optional>

#include <sys/types.h>

#include "operations.h"
#include "pages.h"

namespace ipcdev {

// The device: it is destroyed with this. All but two parts of it is memory that no server of the
// past can have changed.
class Renewal {
  public:
    // As a new device has them, and one that starts anew if nothing better is known.
    struct Origin {
        Settings settings;
        std::optional<uid_t> owner; // as Operations has them
        uid_t starter;
    };

    // Makes a device. Before anything else takes shared pages. Throws std::bad_alloc.
    explicit Renewal(const Origin& origin);
    // Goes on with the one of the program before (upgrade.h), which was of that origin. Looks at
    // nothing there: check() does.
    Renewal(const Origin& origin, SharedRange& inherited);
    Renewal(const Renewal&) = delete;
    Renewal& operator=(const Renewal&) = delete;
    ~Renewal() { operations().~Operations(); }

    [[nodiscard]] const Origin& origin() const { return origin_; }
    [[nodiscard]] Operations& operations() const {
        return *reinterpret_cast<Operations*>(place_.begin());
    }
    // Of a process that goes on with a state that another has left: rolls it back. False if it
    // can't be used: then the device starts anew, and the log says what was lost. `predecessor`:
    // the signal that killed it.
    bool check(Session& session, int predecessor);

  private:
    // What is still of use of a state that is not.
    struct Remains {
        Settings settings;
        std::uint32_t generation;
        std::size_t opens;
        std::uint64_t is_under_way; // `yes`: what is above is complete, and the device is not
    };
    static constexpr std::uint64_t yes = 0x6465'7669'6365'2d2d;

    [[nodiscard]] Remains& remains() const { return *reinterpret_cast<Remains*>(beside_.begin()); }
    void gather_remains(Session& session);
    void start_anew(Session& session);

    const Origin origin_;
    const Pages beside_;
    const Pages place_; // what the device takes follows
};

} // namespace ipcdev
