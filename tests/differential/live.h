// SPDX-License-Identifier: MIT
//
// The live device: a path, opened once by the tests themselves and once by each
// client. A client's call is made by the tests' thread where it should end at
// once, by the client's own thread where it should park.
//
// What should happen and does not is Surprise: it hangs, it parks, the device is
// gone.
#pragma once

#include <chrono>
#include <deque>
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

    void open_more(); // of the device, by nobody who calls
    void close_one();
    void clear();
    [[nodiscard]] int configure(const SettingsChange& change); // 0 or an errno

    [[nodiscard]] ipcdev_info info();
    [[nodiscard]] ipcdev_stats stats();
    [[nodiscard]] ipcdev_waiters waiters();
    [[nodiscard]] short poll_events();
    // Opens that INFO should count. A close may show late: this waits for it.
    void wait_for_opens();

    // Whatever was going on: nothing is parked, queued or open but by the clients.
    void reset(const Settings& settings);

  private:
    struct Client : Caller {
        Descriptor fd;
        bool nonblocking = false;
        bool batch = false;
    };

    int fd_for(const Step& step);
    [[nodiscard]] std::uint32_t own_opens() const;
    [[nodiscard]] bool is_parked(const Client& client);
    void end_calls();
    template <class Condition> void wait(const char* what, Condition condition);
    template <class Struct> Struct ask(unsigned long number, const char* name);

    std::string path_;
    HangWatch& watch_;
    std::chrono::milliseconds limit_{10000};
    Descriptor fd_; // for what no client does
    std::deque<Descriptor> more_;
    std::vector<std::unique_ptr<Client>> clients_;
    unsigned opened_ = 0; // by open_more(), in all
};

} // namespace ipcdev::differential
