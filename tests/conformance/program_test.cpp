// SPDX-License-Identifier: MIT
#include "program_test.h"

#include <cstdlib>

#include <unistd.h>

#include "options.h"
#include "support/proc.h"

namespace ipcdev::conformance {

void ProgramTest::needs(const std::string& program, const std::string& package, Where where) {
    std::istringstream path(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "");
    for (std::string folder; std::getline(path, folder, ':');) {
        if (access((folder + "/" + program).c_str(), X_OK) == 0) {
            return;
        }
    }
    fail("there is no " + program + ": install the package " + package, where);
}

Program ProgramTest::run(const std::string& command, const std::string& input) {
    Command started = shell_command(with_device(command, options().device));
    started.input = input;
    return Program(started);
}

Program ProgramTest::run_in(const Shell& shell, const std::string& script, Where where) {
    needs(shell.arguments.front(), shell.package, where);
    Command started{.arguments = shell.arguments};
    started.arguments.push_back(with_device(script, options().device));
    return Program(started);
}

void ProgramTest::arrives(Program& program, const std::string& text, Where where) {
    for (unsigned attempt = 0; program.output() != text; ++attempt) {
        if (program.ended() && program.output() != text) {
            fail("the program ended with '" + program.output() + "', not '" + text +
                     "': " + program.errors(),
                 where);
        }
        back_off(attempt);
    }
}

void ProgramTest::ends_well(Program& program, Where where) {
    if (program.wait() != EXIT_SUCCESS) {
        fail("the program failed: " + program.errors(), where);
    }
}

void ProgramTest::prints(Program&& program, const std::string& text, Where where) {
    ends_well(program, where);
    if (program.output() != text) {
        fail("the program printed '" + program.output() + "', not '" + text + "'", where);
    }
}

void ProgramTest::stops(Program& program, Where where) {
    for (unsigned attempt = 0; proc_line(program.pid(), "status", "State")[0] != 'T'; ++attempt) {
        if (program.ended()) {
            fail("the program ended: " + program.errors(), where);
        }
        back_off(attempt);
    }
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

} // namespace ipcdev::conformance
