// SPDX-License-Identifier: MIT
#include "runner.h"

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <iostream>

#include "interruption.h"
#include "support/watchdog.h"

namespace ipcdev::bench {

namespace {

// Caches are warm by then, and every slot of a ring or a queue was touched once.
constexpr std::uint64_t warm_up = 200;
constexpr std::uint64_t brief_part = 20;
constexpr std::uint64_t counted_warm_up = 80; // no caches there, and it takes time

// On a terminal, one line that is written over; elsewhere one a measure.
class Progress {
  public:
    Progress() : is_terminal_(isatty(STDERR_FILENO) == 1) {}
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() { say(""); }

    void begin(const Measure& measure) const {
        if (!is_terminal_) {
            std::cerr << "ipcdev-bench: " << measure.name << "\n";
        }
    }
    void say(const std::string& text) const {
        if (is_terminal_) {
            std::cerr << "\r\033[K" << text << std::flush;
        }
    }

  private:
    bool is_terminal_;
};

// A peer in a case, and the turns it takes.
class Contestant {
  public:
    Contestant(const Measure& measure, const Peer& peer, const Case& what,
               const Placement& placement, const Plan& plan)
        : measure_(measure), peer_(peer), placement_(placement), plan_(plan) {
        cell_.measure = measure.name;
        cell_.peer = peer.name;
        cell_.what = what;
        cell_.not_measured = measure.why_not(peer, what);
    }

    void calibrate() {
        attempt([this] { cell_.iterations = iterations(); });
    }
    void take_turn() {
        attempt([this] { cell_.samples.push_back(sample(cell_.iterations)); });
    }
    [[nodiscard]] Cell result() { return std::move(cell_); }

  private:
    // After the first failure nothing more is tried.
    void attempt(const auto& step) {
        if (!cell_.not_measured.empty()) {
            return;
        }
        interruption::forget_failures();
        test::watchdog::arm(peer_.name.c_str());
        try {
            step();
        } catch (const interruption::Stopped&) {
            test::watchdog::disarm();
            throw;
        } catch (const Unable& reason) {
            cell_.not_measured = reason.what();
        } catch (const std::exception& error) {
            cell_.not_measured = std::string("failed: ") + error.what();
            cell_.failed = true;
        }
        test::watchdog::disarm();
        if (!cell_.not_measured.empty()) {
            cell_.samples.clear();
        }
    }

    // The daemons may be there only once the peer was opened.
    Sample sample(std::uint64_t iterations) const {
        interruption::check();
        const PinnedServers pinned(peer_.servers(), placement_);
        return measure_.take(peer_, cell_.what,
                             {.iterations = iterations,
                              .warm_up = plan_.counts_instructions ? counted_warm_up : warm_up,
                              .time_each = !plan_.counts_instructions,
                              .placement = placement_});
    }

    // How many make a sample of the wanted length; warms up meanwhile.
    std::uint64_t iterations() const {
        constexpr std::uint64_t few = 16;
        if (plan_.counts_instructions || measure_.repeats_itself) {
            (void)sample(few);
            return std::max(few, plan_.scope.brief ? measure_.counted_iterations / brief_part
                                                   : measure_.counted_iterations);
        }
        const auto wanted = static_cast<double>(plan_.sample_time.count());
        for (double tried = few;;) {
            const auto done = static_cast<std::uint64_t>(tried);
            const double took = std::max(static_cast<double>(sample(done).elapsed_ns), 1.0);
            if (took * 2 >= wanted) {
                return std::max(few, static_cast<std::uint64_t>(tried * wanted / took));
            }
            tried *= std::clamp(wanted / took, 2.0, 8.0);
        }
    }

    const Measure& measure_;
    const Peer& peer_;
    const Placement& placement_;
    const Plan& plan_;
    Cell cell_;
};

std::string name_of(const Measure& measure, const Case& what) {
    const std::string parameter =
        measure.parameter.empty() ? ""
                                  : ", " + measure.parameter + " " + std::to_string(what.parameter);
    return measure.name + ", " + std::to_string(what.bytes) + " B" + parameter;
}

} // namespace

std::vector<Cell> run(const std::vector<Measure>& measures, const Peers& peers,
                      const Placement& placement, const Plan& plan) {
    test::watchdog::install({.test = plan.time_limit, .grace = plan.time_limit});
    placement.pin_here();
    const Progress progress;
    std::vector<Cell> cells;
    for (const auto& measure : measures) {
        progress.begin(measure);
        for (const auto& what : measure.cases(plan.scope)) {
            progress.say(name_of(measure, what));
            std::vector<Contestant> contestants;
            for (const auto& peer : peers) {
                contestants.emplace_back(measure, peer, what, placement, plan).calibrate();
            }
            for (unsigned turn = 0; turn < plan.repetitions; ++turn) {
                std::ranges::for_each(contestants, &Contestant::take_turn);
            }
            for (auto& contestant : contestants) {
                cells.push_back(contestant.result());
            }
        }
    }
    return cells;
}

} // namespace ipcdev::bench
