// SPDX-License-Identifier: MIT
#include "support/program.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "support/errors.h"
#include "support/user.h"

namespace ipcdev::test {

namespace {

constexpr Status cannot_run = 127;

Descriptor memory_file(const char* name, const std::string& text = "") {
    Descriptor file(checked(memfd_create(name, MFD_CLOEXEC), "memfd_create"));
    // By offset: the reader begins at the beginning.
    if (pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        throw_errno("memory file");
    }
    return file;
}

std::string contents(const Descriptor& file) {
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = pread(file.get(), part.data(), part.size(),
                                       static_cast<off_t>(text.size()))) > 0;) {
        text.append(part.data(), static_cast<std::size_t>(got));
    }
    return text;
}

void set_up(const Command& command, int input, int output, int errors) {
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    for (const std::string& setting : command.environment) {
        putenv(const_cast<char*>(setting.c_str())); // NOLINT(concurrency-mt-unsafe)
    }
    if (command.before_exec) {
        command.before_exec();
    }
    if (command.user) {
        become(*command.user);
    }
}

// Returns only if it fails.
Status exec(const std::vector<std::string>& arguments) {
    std::vector<char*> pointers;
    pointers.reserve(arguments.size() + 1);
    for (const std::string& argument : arguments) {
        pointers.push_back(const_cast<char*>(argument.c_str()));
    }
    pointers.push_back(nullptr);
    execvp(pointers[0], pointers.data());
    dprintf(STDERR_FILENO, "can't run %s: %s\n", pointers[0],
            std::generic_category().message(errno).c_str());
    return cannot_run;
}

} // namespace

Command shell_command(const std::string& text) {
    return {.arguments = {"/bin/sh", "-c", text}};
}

std::string shell_quoted(const std::string& text) {
    std::string word = "'";
    for (const char c : text) {
        word += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return word + "'";
}

Program::Program(const Command& command)
    : Program(command, memory_file("input", command.input), memory_file("output"),
              memory_file("errors")) {}

Program::Program(const Command& command, const Descriptor& input, Descriptor output,
                 Descriptor errors)
    : Process(
          [&] {
              set_up(command, input.get(), output.get(), errors.get());
              return exec(command.arguments);
          },
          command.death_signal),
      output_(std::move(output)), errors_(std::move(errors)) {}

std::string Program::output() const {
    return contents(output_);
}

std::string Program::errors() const {
    return contents(errors_);
}

} // namespace ipcdev::test
