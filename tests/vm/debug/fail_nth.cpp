// SPDX-License-Identifier: MIT
//
// Makes the kernel fail the first allocation or user copy of a call, then the second
// one, and so on until the call meets no more of them. Each time it must succeed, or
// fail with ENOMEM or EFAULT and have done nothing: no message lost, none half
// written, nobody counted who isn't there.
//
// usage: ipcdev-fail-nth DEVICE
//
// Needs root and a kernel with fault injection (see tests/vm/kasan.config), and a
// device that nobody else uses. Exit status: 0 all well, 1 something is wrong,
// 2 wrong options or no such kernel, 3 it hung.
#include <csignal>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

#include "fail_nth_scenarios.h"
#include "fault_injector.h"

namespace ipcdev::fail_nth {

namespace {

constexpr unsigned watchdog_seconds = 1100;
constexpr int sweeps = 3;

// By default the kernel spares allocations that may wait and single pages, and
// says a lot about each fault.
void aim() {
    const std::string debug = "/sys/kernel/debug/";
    const std::map<std::string, const char*> settings{
        {"failslab/ignore-gfp-wait", "N"},        {"failslab/verbose", "0"},
        {"fail_page_alloc/ignore-gfp-wait", "N"}, {"fail_page_alloc/min-order", "0"},
        {"fail_page_alloc/verbose", "0"},         {"fail_usercopy/verbose", "0"},
    };
    for (const auto& [name, value] : settings) {
        std::ofstream file(debug + name);
        file << value << std::flush;
        if (!file) {
            std::cerr << "fail-nth: can't set " << debug << name << ": wrong kernel, or not root\n";
            std::exit(2);
        }
    }
}

// Which faults a call met. One that strikes what the kernel can do without is
// shrugged off.
struct Tally {
    unsigned no_memory = 0;
    unsigned bad_copy = 0;
    unsigned shrugged_off = 0;

    [[nodiscard]] unsigned all() const { return no_memory + bad_copy + shrugged_off; }
};

void check(const Scenario& scenario, const Outcome& outcome, const Device& device) {
    if (outcome.result >= 0) {
        scenario.succeeded(outcome.result);
    } else {
        const std::string error = strerror(outcome.error);
        expect(outcome.injected, "it fails by a fault only, and not by " + error);
        expect(outcome.error == ENOMEM || outcome.error == EFAULT,
               "it is ENOMEM or EFAULT, and not " + error);
        scenario.failed();
    }
    const ipcdev_stats stats = device.stats();
    const ipcdev_info info = device.info();
    expect(stats.messages_written == stats.messages_read + stats.messages_overwritten +
                                         stats.messages_cleared + info.queued_messages +
                                         info.begun_messages,
           "written = read + queued + begun + overwritten + cleared");
}

// Fails the first, the second, and so on. The kernel's own caches make that some
// calls meet a few allocations more than others; so it goes on for a while after
// the first call that met none.
void sweep(const Scenario& scenario, FaultInjector& injector, const Device& device, Tally& tally) {
    constexpr unsigned enough_without = 8;
    unsigned without = 0;
    for (unsigned nth = 1; without < enough_without; ++nth) {
        scenario.prepare();
        const Outcome outcome = injector.run(nth, scenario.call);
        try {
            check(scenario, outcome, device);
        } catch (const std::exception& error) {
            throw std::runtime_error(scenario.name + ", fault " + std::to_string(nth) + ": " +
                                     error.what());
        }
        if (!outcome.injected) {
            ++without;
        } else if (outcome.result >= 0) {
            ++tally.shrugged_off;
        } else {
            ++(outcome.error == ENOMEM ? tally.no_memory : tally.bad_copy);
        }
    }
}

extern "C" void give_up(int) {
    constexpr char message[] = "fail-nth: it hangs\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, message, sizeof(message) - 1);
    _exit(3);
}

} // namespace

} // namespace ipcdev::fail_nth

int main(int argc, char** argv) {
    using namespace ipcdev::fail_nth;
    if (argc != 2) {
        std::cerr << "usage: ipcdev-fail-nth DEVICE\n";
        return 2;
    }
    std::signal(SIGALRM, give_up);
    alarm(watchdog_seconds);
    try {
        aim();
        const Device device(argv[1]);
        FaultInjector injector;
        Tally total;
        for (const Scenario& scenario : scenarios(device)) {
            Tally tally;
            for (int i = 0; i < sweeps; ++i) {
                sweep(scenario, injector, device, tally);
            }
            total.no_memory += tally.no_memory;
            std::cout << scenario.name << ": " << tally.all() << " faults, of which "
                      << tally.no_memory << " gave ENOMEM, " << tally.bad_copy << " EFAULT and "
                      << tally.shrugged_off << " nothing" << std::endl;
            expect((scenario.copies ? tally.bad_copy : tally.no_memory) > 0,
                   scenario.name + " copies, or allocates, and that can fail");
        }
        expect(total.no_memory > 0, "an allocation can fail");
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "fail-nth: " << error.what() << '\n';
        return 1;
    }
}
