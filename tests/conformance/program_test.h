// SPDX-License-Identifier: MIT
//
// What the chapters about programs have in common that know nothing of the device. A
// program that is missing is a failure that names its package.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "device_test.h"
#include "support/program.h"

namespace ipcdev::conformance {

// A shell, as a command up to the script.
struct Shell {
    std::vector<std::string> arguments;
    std::string package;
};

inline const Shell bash{{"bash", "-c"}, "bash"};
inline const Shell dash{{"dash", "-c"}, "dash"};
inline const Shell zsh{{"zsh", "-f", "-c"}, "zsh"};
inline const Shell busybox{{"busybox", "sh", "-c"}, "busybox-static"};
inline const std::vector<Shell> shells{bash, dash, zsh, busybox};

class ProgramTest : public DeviceTest {
  protected:
    static void needs(const std::string& program, const std::string& package,
                      Where where = Where::here());

    // A shell command in which {device} is the device.
    static Program run(const std::string& command, const std::string& input = "");
    // The same as a script of this shell.
    static Program run_in(const Shell& shell, const std::string& script,
                          Where where = Where::here());

    // The program writes this, or has.
    static void arrives(Program& program, const std::string& text, Where where = Where::here());
    static void ends_well(Program& program, Where where = Where::here());
    static void ends_well(Program&& program, Where where = Where::here()) {
        ends_well(program, where);
    }
    // The script ends well, and this is what it printed.
    static void prints(Program&& program, const std::string& text, Where where = Where::here());
    // The program has stopped itself.
    static void stops(Program& program, Where where = Where::here());
};

[[nodiscard]] std::vector<std::string> lines_of(const std::string& text);

} // namespace ipcdev::conformance
