// SPDX-License-Identifier: MIT
//
// A live device at a path. The tests keep one open of it for themselves, and make others as
// the steps demand; clients that share an open use duplicates of its descriptor. A call that
// should return at once is made by the tests' thread, one that should park by the client's.
//
// Throws Surprise if the device does not do what a step expects: a call hangs or parks, or
// the device is gone.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "caller.h"
#include "hang_watch.h"
#include "support/descriptor.h"
#include "uapi/ipcdev.h"

namespace ipcdev::differential {

class Surprise : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class Live {
  public:
    // Throws std::system_error if it can't be opened.
    Live(const std::string& path, std::size_t clients, HangWatch& watch);

    // How long each wait may take.
    void set_limit(std::chrono::milliseconds limit);

    [[nodiscard]] Answer call(const Step& step);
    // Returns once the call is parked, or false if it ended instead.
    [[nodiscard]] bool park(const Step& step);
    [[nodiscard]] Answer answer(std::size_t client); // waits for the end of its parked call
    void interrupt(std::size_t client) const { clients_[client]->interrupt(); }
    // Whether the watch interrupted one of the tests' own calls because it hung.
    [[nodiscard]] bool was_interrupted() { return watch_.interrupted(); }
    // A client whose parked call has ended although answer() has not been called for it.
    [[nodiscard]] std::optional<std::size_t> answered_unasked() const;
    // The client whose thread this is.
    [[nodiscard]] std::optional<std::size_t> client_of(pid_t thread) const;

    // No client calls by an open whose number is not a client's.
    void open(std::size_t number);
    // Returns once the device has released it.
    void close(std::size_t number);
    void clear();
    [[nodiscard]] int configure(const SettingsChange& change); // 0 or an errno

    [[nodiscard]] ipcdev_info info();
    [[nodiscard]] ipcdev_stats stats();
    [[nodiscard]] ipcdev_waiters waiters();
    // One entry for each of the opens; test::no_open is the tests' own, which has begun
    // nothing.
    [[nodiscard]] std::vector<short> poll_events(const std::vector<std::size_t>& opens);
    // Waits until INFO counts the opens that exist: a close may take effect late.
    void wait_for_opens();

    // From any state: afterwards nothing is parked or queued, and only the tests' own open
    // is left.
    void reset(const Settings& settings);

  private:
    struct Open {
        Descriptor fd;
        bool nonblocking = false;
        bool batch = false;
        std::map<std::size_t, Descriptor> duplicates{}; // by client
    };

    int fd_for(const Step& step);
    [[nodiscard]] std::uint32_t own_opens() const;
    [[nodiscard]] bool is_parked(const Caller& client);
    void end_calls();
    template <class Condition> void wait(const char* what, Condition condition);
    template <class Struct> Struct ask(unsigned long number, const char* name);

    std::string path_;
    HangWatch& watch_;
    std::chrono::milliseconds limit_{10000};
    Descriptor fd_;                                // the tests' own open
    std::map<std::size_t, Open> opens_;            // by number
    std::vector<std::unique_ptr<Caller>> clients_; // last: their calls end before the opens
};

} // namespace ipcdev::differential
