// SPDX-License-Identifier: MIT
//
// ipcdev-step: kills the server of an `ipcdevd --keep` after each instruction of each kind of
// request, or after some of them, and accounts for every message, call and counter.
//
// Exit status: 0 if nothing was lost, doubled or reordered, no call got an error and none hung;
// 1 otherwise; 2 for wrong options; 77 if that can't be tried here.
#include <getopt.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "scenarios.h"

namespace ipcdev::keep_tests {

namespace {

constexpr int skipped = 77;
constexpr int wrong_options = 2;

struct Options {
    std::string server;
    std::uint64_t every = 0;  // 0: see kills
    std::uint64_t kills = 12; // about as many a scenario
    std::uint64_t seed = std::random_device()();
    std::vector<std::string> wanted; // beginnings of names; none: all scenarios
};

// The kinds of rows: a kill in the request, or that and another one in the recovery after it.
enum class Where : std::uint8_t { request, recovery };

// In so many equal parts the request is divided where there is another kill in the recovery: some
// of their ends are before the commit, some between it and the answers, and some after these.
constexpr std::uint64_t some_firsts = 4;
constexpr std::uint64_t many_firsts = 12;

class Stepper {
  public:
    explicit Stepper(const Options& options) : options_(options), random_(options.seed) {}

    // False: something was wrong.
    bool try_all(std::span<const Scenario> all) {
        for (const Scenario& scenario : all) {
            if (is_wanted(scenario.name)) {
                step(scenario, Where::request);
            }
            if (scenario.also_recovery && is_wanted(std::string("recovery: ") + scenario.name)) {
                step(scenario, Where::recovery);
            }
        }
        return sum_.all_well();
    }

    void print_head() const {
        std::cout << std::left << std::setw(44) << "scenario" << std::right << std::setw(13)
                  << "instructions";
        for (const char* word : {"kills", "lost", "doubled", "reordered", "hung", "errors"}) {
            std::cout << std::setw(11) << word;
        }
        std::cout << std::endl;
    }

    void print_sum() const {
        print("all", instructions_, sum_);
        std::cout << sum_.elsewhere << " of the kills came at another instruction than was meant: "
                  << "the server had gone another way\n";
    }

  private:
    [[nodiscard]] bool is_wanted(const std::string& name) const {
        return options_.wanted.empty() ||
               std::ranges::any_of(options_.wanted,
                                   [&](const std::string& part) { return name.starts_with(part); });
    }

    void step(const Scenario& scenario, Where where) {
        Counts counts;
        std::uint64_t instructions = 0;
        stage_.reset();
        try {
            instructions = where == Where::request ? step_request(scenario, counts)
                                                   : step_recovery(scenario, counts);
        } catch (const Hung& what) { // whoever waits may wait for ever: no other run of it
            ++counts.hung;
            std::cerr << last_ << ": " << what.what() << '\n';
        } catch (const Failed& what) {
            ++counts.errors;
            std::cerr << last_ << ": " << what.what() << '\n';
        }
        stage_.reset();
        const bool in_recovery = where == Where::recovery;
        print((in_recovery ? "recovery: " : "") + std::string(scenario.name), instructions, counts);
        instructions_ += instructions;
        sum_ += counts;
    }

    std::uint64_t step_request(const Scenario& scenario, Counts& counts) {
        learn(scenario, counts);
        for (const std::uint64_t at : moments(paths_.request, options_.kills)) {
            play(scenario, {.in_request = at}, counts);
        }
        return paths_.request.instructions();
    }

    // Of all recoveries together.
    std::uint64_t step_recovery(const Scenario& scenario, Counts& counts) {
        learn(scenario, counts);
        const std::uint64_t firsts = options_.every == 0 ? some_firsts : many_firsts;
        std::uint64_t all = 0;
        for (std::uint64_t i = 0; i <= firsts; ++i) {
            const std::uint64_t first = paths_.request.instructions() * i / firsts;
            play(scenario, {.in_request = first, .learns_recovery = true}, counts);
            all += paths_.recovery.instructions();
            for (const std::uint64_t second :
                 moments(paths_.recovery, options_.kills / (firsts + 1) + 1)) {
                play(scenario, {.in_request = first, .in_recovery = second}, counts);
            }
        }
        return all;
    }

    // What happens without a kill. The path is that of a server that goes on after another one, as
    // all that are killed are.
    void learn(const Scenario& scenario, Counts& counts) {
        wanted_.clear();
        if (!scenario.ends) {
            play(scenario, {.is_watched = false}, counts);
            play(scenario, {.in_request = 0}, counts);
        }
        play(scenario, {}, counts);
    }

    // The moments from before the first instruction to after the last one.
    std::vector<std::uint64_t> moments(const Path& path, std::uint64_t kills) {
        const std::uint64_t count = path.points.size();
        const std::uint64_t stride =
            options_.every != 0 ? options_.every : std::max<std::uint64_t>(count / kills, 1);
        std::vector<std::uint64_t> chosen;
        for (std::uint64_t begin = 0; begin < count; begin += stride) {
            const std::uint64_t last = std::min(begin + stride, count) - 1;
            chosen.push_back(std::uniform_int_distribution<std::uint64_t>(begin, last)(random_));
        }
        return chosen;
    }

    void play(const Scenario& scenario, const Moments& at, Counts& counts) {
        last_ = description(scenario.name, at);
        if (!stage_ || scenario.ends) {
            stage_.reset();
            stage_.emplace(options_.server);
        }
        Run run(*stage_, last_, at, paths_, counts);
        scenario.play(run);
        if (!scenario.ends) {
            run.end();
            wanted_ = wanted_.empty() ? run.outcome() : wanted_;
            run.expect_outcome(wanted_);
        }
    }

    static std::string description(const std::string& scenario, const Moments& at) {
        if (!at.in_request) {
            return "  " + scenario + ", not killed";
        }
        const std::string first =
            "  " + scenario + ", killed after " + std::to_string(*at.in_request) + " instructions";
        return at.in_recovery
                   ? first + " and " + std::to_string(*at.in_recovery) + " of the recovery"
                   : first;
    }

    static void print(const std::string& name, std::uint64_t instructions, const Counts& counts) {
        std::cout << std::left << std::setw(44) << name << std::right << std::setw(13)
                  << instructions;
        for (const std::uint64_t count : {counts.kills, counts.lost, counts.doubled,
                                          counts.reordered, counts.hung, counts.errors}) {
            std::cout << std::setw(11) << count;
        }
        std::cout << std::endl;
    }

    const Options& options_;
    std::mt19937_64 random_;
    std::optional<Stage> stage_;
    Paths paths_;
    Run::Outcome wanted_; // the outcome without a kill
    std::string last_;    // when the run that hung was killed
    std::uint64_t instructions_ = 0;
    Counts sum_;
};

// Each step switches between tracer and server: without another processor's waking up.
void stay_on_one_processor() {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(static_cast<unsigned>(sched_getcpu()), &only);
    sched_setaffinity(0, sizeof(only), &only);
}

[[noreturn]] void explain(int status) {
    (status == 0 ? std::cout : std::cerr)
        << "usage: ipcdev-step --server IPCDEVD [--every N | --kills N] [--seed N] [--only "
           "NAME]...\n"
           "Kills the server of `ipcdevd --keep` in the middle of requests, and accounts for all\n"
           "messages.\n"
           "  --every N    after each N-th instruction; 1: after every one\n"
           "  --kills N    about so many times in each scenario (12), at random\n"
           "  --only NAME  only scenarios whose names begin so\n";
    std::exit(status); // NOLINT(concurrency-mt-unsafe)
}

Options parse(int argc, char** argv) {
    Options options;
    const std::vector<option> known{{"server", required_argument, nullptr, 's'},
                                    {"every", required_argument, nullptr, 'e'},
                                    {"kills", required_argument, nullptr, 'k'},
                                    {"seed", required_argument, nullptr, 'r'},
                                    {"only", required_argument, nullptr, 'o'},
                                    {"help", no_argument, nullptr, 'h'},
                                    {}};
    for (int name = 0; (name = getopt_long(argc, argv, "", known.data(), nullptr)) != -1;) {
        switch (name) { // NOLINT(concurrency-mt-unsafe): there is one thread yet
        case 's':
            options.server = optarg;
            break;
        case 'e':
            options.every = std::stoull(optarg);
            break;
        case 'k':
            options.kills = std::max<std::uint64_t>(std::stoull(optarg), 1);
            break;
        case 'r':
            options.seed = std::stoull(optarg);
            break;
        case 'o':
            options.wanted.emplace_back(optarg);
            break;
        default:
            explain(name == 'h' ? 0 : wrong_options);
        }
    }
    if (options.server.empty() || optind != argc) {
        explain(wrong_options);
    }
    return options;
}

int run(const Options& options) {
    if (access("/dev/fuse", R_OK | W_OK) == -1) {
        std::cout << "skipped: this user can't mount by FUSE here\n";
        return skipped;
    }
    Call::catch_interrupts();
    stay_on_one_processor();
    Stepper stepper(options);
    try {
        stepper.print_head();
        const bool first = stepper.try_all(reads_and_writes());
        const bool second = stepper.try_all(all_but_reads_and_writes());
        stepper.print_sum();
        std::cout << "seed " << options.seed << '\n';
        return first && second ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const CantTrace& reason) {
        std::cout << "skipped: " << reason.what() << '\n';
        return skipped;
    }
}

} // namespace

} // namespace ipcdev::keep_tests

int main(int argc, char** argv) {
    try {
        return ipcdev::keep_tests::run(ipcdev::keep_tests::parse(argc, argv));
    } catch (const std::exception& error) {
        std::cerr << "ipcdev-step: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
