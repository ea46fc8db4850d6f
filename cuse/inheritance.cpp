// SPDX-License-Identifier: MIT
#include "inheritance.h"

#include <fcntl.h>

#include <array>
#include <cstdlib>
#include <sstream>

namespace ipcdev {

namespace {

struct Field {
    const char* name;
    int Inheritance::*number;
    bool is_descriptor;
};

constexpr std::array fields{
    Field{"memory", &Inheritance::memory, true},
    Field{"connection", &Inheritance::connection, true},
    Field{"folder", &Inheritance::folder, true},
    Field{"hidden", &Inheritance::hidden, true},
    Field{"lock", &Inheritance::lock, true},
    Field{"lifeline", &Inheritance::lifeline, true},
    Field{"unmounter", &Inheritance::unmounter, false},
    Field{"server", &Inheritance::server, false},
    Field{"dumpable", &Inheritance::dumpable, false},
    Field{"starter", &Inheritance::starter, false},
    Field{"owner", &Inheritance::owner, false},
};

} // namespace

std::string to_environment(const Inheritance& inheritance) {
    std::string words = std::string(inheritance_variable) + "=";
    for (const Field& field : fields) {
        words += std::string(field.name) + " " + std::to_string(inheritance.*field.number) + " ";
    }
    return words;
}

std::optional<Inheritance> from_environment() {
    const char* const value = std::getenv(inheritance_variable); // NOLINT(concurrency-mt-unsafe)
    if (value == nullptr) {
        return {};
    }
    std::istringstream words(value);
    unsetenv(inheritance_variable); // NOLINT(concurrency-mt-unsafe)
    Inheritance inheritance;
    for (const Field& field : fields) {
        std::string name;
        if (!(words >> name >> inheritance.*field.number) || name != field.name) {
            return {};
        }
    }
    set_inheritable(inheritance, false);
    return inheritance;
}

void set_inheritable(const Inheritance& inheritance, bool inheritable) {
    for (const Field& field : fields) {
        if (const int fd = inheritance.*field.number; field.is_descriptor && fd != -1) {
            fcntl(fd, F_SETFD, inheritable ? 0 : FD_CLOEXEC);
        }
    }
}

} // namespace ipcdev
