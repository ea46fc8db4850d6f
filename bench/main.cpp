// SPDX-License-Identifier: MIT
//
// ipcdev-bench: how fast is /dev/ipcdev, beside what else passes messages?
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iomanip>
#include <iostream>

#include "instruction_clock.h"
#include "interruption.h"
#include "options.h"
#include "registry.h"
#include "result.h"
#include "runner.h"
#include "table.h"

namespace ipcdev::bench {

namespace {

constexpr auto time_limit = std::chrono::seconds(30);
// There the clock jumps whenever nobody runs: who started the machine knows the time.
constexpr auto time_limit_counted = std::chrono::hours(24);

template <typename Named> void list(const std::string& heading, const std::vector<Named>& all) {
    std::cout << heading << ":\n";
    constexpr int column = 22;
    for (const auto& one : all) {
        std::cout << "  " << std::left << std::setw(column) << one.name << ' ' << one.what << "\n";
    }
}

// Those that are wanted, in the order that there is. None is named: all.
template <typename Named>
std::vector<Named> chosen(std::vector<Named> all, const std::vector<std::string>& names,
                          const std::string& option, const std::string& always = "") {
    const auto unknown = std::ranges::find_if(names, [&](const std::string& name) {
        return std::ranges::count(all, name, &Named::name) == 0;
    });
    if (unknown != names.end()) {
        wrong_use(option + ": there is no '" + *unknown + "'; see --list");
    }
    std::erase_if(all, [&](const Named& one) {
        return !names.empty() && one.name != always && std::ranges::count(names, one.name) == 0;
    });
    return all;
}

// A daemon takes ten times the instructions of the rest, and the machine that counts
// them is slow: filling the deepest queue message by message would take minutes.
void spare_daemons(Peers& peers) {
    constexpr unsigned depth_max = 4096;
    for (auto& peer : peers) {
        if (!peer.servers().empty()) {
            peer.abilities.depth_max = std::min(peer.abilities.depth_max, depth_max);
            peer.abilities.no_deeper = "filling it takes too long where instructions are counted";
        }
    }
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    if (!(file << text << std::flush)) {
        throw std::runtime_error("can't write " + path);
    }
}

int run_with(const Options& options) {
    Peers peers = all_peers(options.devices);
    auto measures = all_measures();
    if (options.list) {
        list("peers", peers);
        list("measures", measures);
        return EXIT_SUCCESS;
    }
    peers = chosen(std::move(peers), options.peers, "--peer", yardstick);
    measures = chosen(std::move(measures), options.measures, "--measure");
    if (options.instructions) {
        spare_daemons(peers);
    }
    if (options.instructions && !clock_counts_instructions()) {
        wrong_use("--instructions: the clock does not count instructions here; use "
                  "bench/in-vm --instructions");
    }
    const Placement placement(options.placement);
    interruption::install();
    const auto cells = run(
        measures, peers, placement,
        {.scope = {.sizes = options.sizes, .brief = options.brief, .counted = options.instructions},
         .repetitions = options.repetitions,
         .sample_time = options.sample_time,
         .counts_instructions = options.instructions,
         .time_limit =
             options.instructions ? std::chrono::milliseconds(time_limit_counted) : time_limit});
    const auto result = result_of(options, placement, peers, measures, cells);
    std::cout << text_of(result) << std::flush;
    if (!options.json.empty()) {
        write_file(options.json, file_text_of(result));
    }
    return std::ranges::any_of(cells, &Cell::failed) ? EXIT_FAILURE : EXIT_SUCCESS;
}

} // namespace

} // namespace ipcdev::bench

int main(int argc, char** argv) {
    using namespace ipcdev::bench;
    try {
        return run_with(parse_options(argc, argv));
    } catch (const ParseEnd& end) {
        return end.exit_status;
    } catch (const interruption::Stopped& stopped) {
        std::cerr << "ipcdev-bench: interrupted, nothing is left behind\n";
        std::signal(stopped.signal_number, SIG_DFL);
        std::raise(stopped.signal_number);
        return EXIT_FAILURE;
    } catch (const std::exception& error) {
        std::cerr << "ipcdev-bench: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
