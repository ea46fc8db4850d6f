// SPDX-License-Identifier: MIT
//
// The live device: a path, opened once by the tests themselves and as often as the steps
// say. Clients that call by the same open have duplicates of its descriptor. A client's call is
// made by the tests' thread where it should end at once, by the client's own thread where it should
// park.
//
// What should happen and does not is Surprise: it hangs, it parks, the device is
// gone.
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

    // How long anything may take.
    void set_limit(std::chrono::milliseconds limit);

    [[nodiscard]] Answer call(const Step& step);
    // Returns once the call is parked, or false if it ended instead.
    [[nodiscard]] bool park(const Step& step);
    [[nodiscard]] Answer answer(std::size_t client); // of a call that parked; waits for it
    void interrupt(std::size_t client) const { clients_[client]->interrupt(); }
    // Was a call of ours interrupted, since it hung?
    [[nodiscard]] bool was_interrupted() { return watch_.interrupted(); }
    // A client whose parked call has ended though nobody has asked for its answer.
    [[nodiscard]] std::optional<std::size_t> answered_unasked() const;
    // Who makes calls by that thread.
    [[nodiscard]] std::optional<std::size_t> client_of(pid_t thread) const;

    // Numbers from the clients' on are those of nobody who calls.
    void open(std::size_t number);
    // Returns when the device knows it.
    void close(std::size_t number);
    void clear();
    [[nodiscard]] int configure(const SettingsChange& change); // 0 or an errno

    [[nodiscard]] ipcdev_info info();
    [[nodiscard]] ipcdev_stats stats();
    [[nodiscard]] ipcdev_waiters waiters();
    // Of each of the opens; test::no_open is the tests' own, which has begun nothing.
    [[nodiscard]] std::vector<short> poll_events(const std::vector<std::size_t>& opens);
    // Opens that INFO should count. A close may show late: this waits for it.
    void wait_for_opens();

    // Whatever was going on: nothing is parked, queued or open but by the tests.
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
    Descriptor fd_;                                // for what no client does
    std::map<std::size_t, Open> opens_;            // by number
    std::vector<std::unique_ptr<Caller>> clients_; // their calls end before the opens go
};

} // namespace ipcdev::differential
