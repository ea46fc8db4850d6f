// SPDX-License-Identifier: MIT
#include "support/proc.h"

#include <fstream>

namespace ipcdev::test {

namespace {

std::ifstream proc_file(pid_t pid, const std::string& file) {
    return std::ifstream("/proc/" + std::to_string(pid) + "/" + file);
}

} // namespace

std::string proc_line(pid_t pid, const std::string& file, const std::string& name) {
    auto lines = proc_file(pid, file);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(name + ":")) {
            const auto value = line.find_first_not_of(" \t", name.size() + 1);
            return value == std::string::npos ? "" : line.substr(value);
        }
    }
    return {};
}

std::string system_call_of(pid_t thread) {
    auto file = proc_file(thread, "syscall");
    std::string number;
    file >> number; // then its arguments
    return number;
}

} // namespace ipcdev::test
