// SPDX-License-Identifier: MIT
#include "memory_in_use.h"

#include <fstream>
#include <string>

#include "support/proc.h"

namespace ipcdev::bench {

namespace {

// "1234 kB"
double bytes_of(const std::string& amount) {
    constexpr double kibibyte = 1024;
    return amount.empty() ? 0 : kibibyte * std::stod(amount);
}

} // namespace

double resident_bytes(pid_t process) {
    return bytes_of(test::proc_line(process, "status", "VmRSS"));
}

double available_bytes() {
    std::ifstream lines("/proc/meminfo");
    const std::string name = "MemAvailable:";
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(name)) {
            return bytes_of(line.substr(name.size()));
        }
    }
    return 0;
}

} // namespace ipcdev::bench
