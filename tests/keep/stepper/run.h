// SPDX-License-Identifier: MIT
//
// One run of a scenario on a device of its own: real calls, one of which is served by a server
// that is killed meanwhile, and what must have become of them. What did not is counted.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "call.h"
#include "support/descriptor.h"
#include "traced_keeper.h"
#include "uapi/ipcdev.h"

namespace ipcdev::keep_tests {

// When to kill: after so many instructions of the request, and after so many of the recovery that
// follows. None: not at all, and the path is learnt. A recovery's can be learnt only after a kill
// in the request.
struct Moments {
    std::optional<std::uint64_t> in_request{};
    std::optional<std::uint64_t> in_recovery{};
    bool learns_recovery = false;
    bool is_watched = true; // false: nothing is learnt either
};

struct Paths {
    Path request;
    Path recovery;
};

struct Counts {
    std::uint64_t kills = 0;
    std::uint64_t elsewhere = 0; // of them, not where it was meant: the server had gone another way
    std::uint64_t lost = 0;
    std::uint64_t doubled = 0;
    std::uint64_t reordered = 0;
    std::uint64_t hung = 0;
    std::uint64_t errors = 0; // of calls, or another result than without a kill

    [[nodiscard]] bool all_well() const { return lost + doubled + reordered + hung + errors == 0; }
    Counts& operator+=(const Counts& other);
};

// A device and its clients. All runs of a scenario share one, unless they end it.
struct Stage {
    explicit Stage(const std::string& program);

    std::deque<Call> calls; // of one run; those that hang end with the keeper
    TracedKeeper keeper;
    test::Descriptor a;
    test::Descriptor b;
    test::Descriptor nonblocking;
    std::uint64_t messages = 0; // made so far
};

class Run {
  public:
    // `name`: for what is said if something is wrong; it must outlive the run.
    Run(Stage& stage, const std::string& name, const Moments& moments, Paths& paths, Counts& counts)
        : stage_(stage), name_(name), moments_(moments), paths_(paths), counts_(counts) {}
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    // --- what there is
    [[nodiscard]] int a() const { return stage_.a.get(); }
    [[nodiscard]] int b() const { return stage_.b.get(); }
    [[nodiscard]] int nonblocking() const { return stage_.nonblocking.get(); }
    [[nodiscard]] std::string message(std::size_t bytes = 24); // another one each time
    [[nodiscard]] ipcdev_info info();
    [[nodiscard]] ipcdev_stats stats();

    // --- calls that are served in peace, and succeed
    void begin(std::uint32_t mode, std::uint32_t depth); // an empty device
    [[nodiscard]] int file_of(Call& open);               // what it opened
    void close(int file, unsigned opens_then);
    void wait_for_opens(unsigned number);
    [[nodiscard]] mode_t mode_of_file();
    void write(const std::string& bytes);
    void batch(int file, bool on);
    static const Result& finish(Call& call); // waits for any result
    // Started, and then parked.
    Call& parked_read(int file, std::size_t count = 4096);
    Call& parked_write(int file, const std::string& bytes);

    // --- calls that are only started
    Call& start(std::function<Result()> body);
    Call& start_read(int file, std::size_t count = 4096);
    Call& start_write(int file, const std::string& bytes);
    Call& start_open(int flags);
    Call& start_close(int file);
    Call& start_chmod(mode_t mode);
    // Its result has the bytes as the ioctl leaves them.
    Call& start_ioctl(int file, unsigned long number, std::span<const std::byte> data = {});

    // Starts a call, or what else makes the kernel send a request with that FUSE_* opcode, and
    // kills the server while it serves the n-th of them.
    Call& killed_in(std::uint32_t opcode, const std::function<Call&()>& start, unsigned nth = 1);
    // Likewise while it ends as the keeper was asked to. The keeper's exit status.
    [[nodiscard]] int killed_in_end();

    // --- what must have become of them
    void expect_value(Call& call, ssize_t value);
    void expect_error(Call& call, int error);
    // A read that got these messages, or parts.
    void expect_read(Call& call, const std::vector<std::string>& messages, bool frames = false);
    // What nonblocking reads get, to the last.
    void expect_queued(const std::vector<std::string>& messages);
    void expect(bool so, const std::string& what);
    // Nothing is queued, and messages are accounted for.
    void end();
    // What INFO and STATS tell then: the same with a kill and without.
    using Outcome = std::vector<std::pair<const char*, std::uint64_t>>;
    [[nodiscard]] const Outcome& outcome() const { return outcome_; }
    void expect_outcome(const Outcome& wanted);

  private:
    void wait_for(__u32 ipcdev_info::*gauge, unsigned number);
    void step_and_kill();
    void kill_after(const Path& path, std::uint64_t instructions);
    void expect_messages(const std::vector<std::string>& wanted,
                         const std::vector<std::string>& got);
    void complain(const std::string& what) const;
    template <typename Struct> Struct ask(unsigned long number);

    Stage& stage_;
    const std::string& name_;
    const Moments moments_;
    Paths& paths_;
    Counts& counts_;
    std::vector<std::string> wanted_; // messages and parts, in the whole run
    std::vector<std::string> got_;
    ipcdev_stats before_{};
    std::uint32_t generation_ = 0;
    Outcome outcome_;
};

// Messages with a header each, as a batch moves them; and the messages of such bytes.
[[nodiscard]] std::string frames_of(const std::vector<std::string>& messages);
[[nodiscard]] std::vector<std::string> messages_of(const std::string& frames);

} // namespace ipcdev::keep_tests
