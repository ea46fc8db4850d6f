// SPDX-License-Identifier: MIT
//
// ipcdev-differential: a live device and the core, side by side.
//
// A run is many episodes: the device is reset, gets new settings, and some hundred
// random steps. So the steps that led to a difference are few from the beginning
// on; they are played again with ever fewer of them, and the fewest are shown as a
// trace.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "comparison.h"
#include "counts.h"
#include "generator.h"
#include "options.h"
#include "served_device.h"
#include "shrink.h"

namespace ipcdev::differential {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t episode_steps = 500;
constexpr int exit_difference = 1;
constexpr int exit_no_test = 2;

struct Found {
    Settings settings;
    Names names{};
    Steps steps;
    std::string difference; // as lines; empty: there is none
};

// Plays what makes sense of the steps, up to the first difference.
Found play(Live& live, const Settings& settings, const Steps& steps, const Names& names = {}) {
    Found found{.settings = settings, .names = names, .steps = {}, .difference = {}};
    Comparison comparison(live, settings, Looks::each_time, names);
    for (const Step& step : steps) {
        if (comparison.oracle().possible(step)) {
            found.steps.push_back(step);
            found.difference = comparison.play(step);
        }
        if (!found.difference.empty()) {
            break;
        }
    }
    return found;
}

// An episode of random steps.
Found play_random(Live& live, Generator& generator, std::uint64_t steps, Counts& counts) {
    Found found{.settings = generator.settings(), .names = {}, .steps = {}, .difference = {}};
    Comparison comparison(live, found.settings, Looks::now_and_then);
    while (found.difference.empty() && found.steps.size() < steps) {
        const Snapshot before = comparison.oracle().now();
        found.steps.push_back(generator.next(comparison.oracle()));
        found.difference = comparison.play(found.steps.back());
        counts.add(found.steps.back(), comparison.outcome(), before);
    }
    if (found.difference.empty()) {
        found.difference = comparison.look_closely();
    }
    return found;
}

void show(const Options& options, const Found& found, const std::string& name) {
    const std::string trace = trace_of(name, found.settings, found.steps, found.names);
    std::cout << "The difference:\n"
              << found.difference << "\nAs a trace, with what the core says (--replay FILE):\n\n"
              << trace;
    if (!options.trace.empty()) {
        std::ofstream(options.trace) << trace;
    }
}

// Shows the fewest steps that can be found in a while.
void shrink_and_show(ServedDevice& device, const Options& options, const Found& first) {
    const auto deadline = Clock::now() + options.shrinking();
    Found best = first;
    const Shows shows = [&](const Steps& steps) {
        Live& live = device.fresh(first.settings);
        live.set_limit(options.hang_while_shrinking());
        Found again = play(live, first.settings, steps);
        if (again.difference.empty()) {
            return Steps();
        }
        best = std::move(again);
        return best.steps;
    };
    const std::string name = "Seed " + std::to_string(options.seed) + " made a difference";
    std::cout << "\nA difference after " << first.steps.size() << " steps with "
              << settings_text(first.settings) << ":\n"
              << first.difference << std::flush;
    try {
        if (shows(first.steps).empty()) {
            std::cout << "It did not show again when the same steps were played.\n";
        } else {
            static_cast<void>(shrunk(best.steps, shows, [&] { return Clock::now() >= deadline; }));
        }
    } catch (const std::exception& problem) {
        std::cout << "Not shrunk further: " << problem.what() << '\n';
    }
    std::cout << best.steps.size() << " steps are left. ";
    show(options, best, name);
}

// Episodes up to the first difference, or as many as were wanted.
Found play_episodes(ServedDevice& device, const Options& options, Counts& counts) {
    Generator generator(options.seed, options.clients);
    Found found;
    try {
        while (found.difference.empty() && counts.steps() < options.operations) {
            const auto steps = std::min(episode_steps, options.operations - counts.steps());
            found = play_random(device.live(), generator, steps, counts);
        }
    } catch (const std::runtime_error& problem) { // `found` is the episode before
        found.difference = std::string("after it, no reset: ") + problem.what() + '\n';
    }
    return found;
}

int run_random(ServedDevice& device, const Options& options) {
    Counts counts;
    const auto begin = Clock::now();
    const Found found = play_episodes(device, options, counts);
    const std::chrono::duration<double> seconds = Clock::now() - begin;
    std::cout << "seed " << options.seed << ", " << options.clients << " clients, server "
              << device.server_name() << ": " << counts.steps() << " operations in "
              << seconds.count() << " s\n"
              << counts.text();
    if (found.difference.empty()) {
        std::cout << "equal\n" << std::flush;
        return EXIT_SUCCESS;
    }
    shrink_and_show(device, options, found);
    return exit_difference;
}

struct Replay {
    std::string name;
    Settings settings;
    Names names{};
    Steps steps{};
};

Trace load(const std::string& path) {
    std::ifstream in(path);
    if (!in) {
        throw std::runtime_error("can't read " + path);
    }
    Trace trace = parse_trace(in);
    if (!trace.scenarios.empty()) { // a comment at the end may be a step
        trace.scenarios.back().steps.push_back({.before = trace.after, .input = "info"});
    }
    return trace;
}

// The scenarios of the file that a live device can play.
std::vector<Replay> replays_of(const std::string& path) {
    std::vector<Replay> replays;
    for (const Scenario& scenario : load(path).scenarios) {
        Replay replay{scenario.name, scenario.settings};
        try {
            replay.steps = steps_of(scenario, replay.names);
            replays.push_back(std::move(replay));
        } catch (const std::invalid_argument& problem) {
            std::cout << "skipped: " << scenario.name << ": " << problem.what() << '\n';
        }
    }
    return replays;
}

std::size_t clients_of(const std::vector<Replay>& replays) {
    std::size_t clients = 0;
    for (const Replay& replay : replays) {
        for (const Step& step : replay.steps) {
            clients =
                std::max({clients, step.input.client + 1, is_call(step) ? step.input.open + 1 : 0});
        }
    }
    return clients;
}

int run_replays(ServedDevice& device, const Options& options, const std::vector<Replay>& replays) {
    int status = EXIT_SUCCESS;
    for (const auto& [name, settings, names, steps] : replays) {
        const Found found = play(device.fresh(settings), settings, steps, names);
        if (found.difference.empty()) {
            std::cout << "equal: " << name << ", " << found.steps.size() << " of " << steps.size()
                      << " steps on server " << device.server_name() << '\n';
        } else {
            show(options, found, name);
            status = exit_difference;
        }
    }
    return status;
}

bool ends_well(ServedDevice& device) {
    try {
        device.end();
        return true;
    } catch (const std::exception& problem) {
        std::cout << "At the end: " << problem.what() << '\n';
        return false;
    }
}

int run(const Options& options) {
    const bool replays = !options.replay.empty();
    const std::vector<Replay> wanted = replays ? replays_of(options.replay) : std::vector<Replay>();
    ServedDevice device(options, replays ? clients_of(wanted) : options.clients);
    const int status = replays ? run_replays(device, options, wanted) : run_random(device, options);
    return ends_well(device) ? status : exit_difference;
}

} // namespace

} // namespace ipcdev::differential

int main(int argc, char** argv) {
    using namespace ipcdev::differential;
    const Options options = parse_options(argc, argv);
    handle_interrupts();
    try {
        return run(options);
    } catch (const std::exception& problem) {
        std::cout << std::flush;
        std::cerr << "ipcdev-differential: " << problem.what() << '\n';
        return exit_no_test;
    }
}
