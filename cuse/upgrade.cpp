// SPDX-License-Identifier: MIT
#include "upgrade.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <vector>

#include <spdlog/spdlog.h>

#include "announce.h"
#include "loop.h"
#include "pages.h"
#include "renewal.h"
#include "session.h"
#include "stop_signal.h"

namespace ipcdev {

namespace {

constexpr unsigned patience_s = 10; // to read options and write a line
constexpr const char* ask_for_layout = "--print-layout";

// As a shell finds it. Symbolic links stay: they may lead elsewhere by then.
std::filesystem::path find_program(const std::string& name) {
    std::error_code error;
    if (name.find('/') != std::string::npos) {
        return std::filesystem::absolute(name, error).lexically_normal();
    }
    const char* const folders = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe)
    std::istringstream list(folders == nullptr ? "" : folders);
    for (std::string folder; std::getline(list, folder, ':');) {
        auto path = std::filesystem::absolute(std::filesystem::path(folder) / name, error);
        if (access(path.c_str(), X_OK) == 0) {
            return path;
        }
    }
    return std::filesystem::read_symlink("/proc/self/exe", error);
}

// The same ones, but for the first: relative to another folder it would mean something else.
std::vector<char*> arguments_for(const std::string& path, char** arguments) {
    std::vector<char*> list{const_cast<char*>(path.c_str())}; // NOLINT: exec takes them so
    for (char** argument = arguments + 1; *argument != nullptr; ++argument) {
        list.push_back(*argument);
    }
    return list;
}

} // namespace

Upgrade::Upgrade(char** arguments) : arguments_(arguments), path_(find_program(arguments[0])) {}

Upgrade::~Upgrade() {
    end_asking();
}

void Upgrade::prepare(const std::string& layout, const Inheritance& inheritance) {
    layout_ = layout;
    inheritance_ = inheritance;
}

void Upgrade::ask() {
    Announcer::reloading();
    program_ = Descriptor(open(path_.c_str(), O_PATH | O_CLOEXEC));
    if (!program_.is_open()) {
        return refuse(std::string("there is none: ") + std::strerror(errno));
    }
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) == -1) {
        return refuse(std::strerror(errno));
    }
    answer_ = Descriptor(ends[0]);
    const Descriptor its_end(ends[1]);
    std::vector<char*> arguments = arguments_for(path_, arguments_);
    std::string option = ask_for_layout;
    arguments.push_back(option.data());
    arguments.push_back(nullptr);
    asked_ = fork();
    if (asked_ == -1) {
        return refuse(std::strerror(errno));
    }
    if (asked_ == 0) {
        prctl(PR_SET_NAME, "ipcdevd-layout"); // a search for the server shall not find it
        alarm(patience_s);                    // also of a program that does not know of it
        dup2(its_end.get(), STDOUT_FILENO);
        fexecve(program_.get(), arguments.data(), environ);
        spdlog::error("{}: {}", path_, std::strerror(errno));
        _exit(EXIT_FAILURE);
    }
}

void Upgrade::answered(int status, pid_t server) {
    std::array<char, 128> line{};
    fcntl(answer_.get(), F_SETFL, O_NONBLOCK);
    const ssize_t got = read(answer_.get(), line.data(), line.size());
    std::string layout(line.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    layout = layout.substr(0, layout.find('\n'));
    asked_ = -1;
    if (const std::string problem = problem_with(status, layout); !problem.empty()) {
        return refuse(problem);
    }
    execute(server);
}

// Empty if there is none.
std::string Upgrade::problem_with(int status, const std::string& layout) const {
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        return "it does not tell its layout within " + std::to_string(patience_s) + " seconds";
    }
    if (WIFSIGNALED(status)) {
        return std::string("asked for its layout it was killed: ") + sigdescr_np(WTERMSIG(status));
    }
    if (WEXITSTATUS(status) != 0) {
        return "asked for its layout it exits with status " + std::to_string(WEXITSTATUS(status)) +
               "; what it says about that is above";
    }
    if (layout != layout_) {
        return "it lays out its state in another way (" + (layout.empty() ? "unknown" : layout) +
               ", not " + layout_ + ")";
    }
    return {};
}

void Upgrade::refuse(const std::string& why) {
    end_asking();
    spdlog::error("can't change to {}: {}. The program that runs goes on. To have the other one "
                  "all the same, stop ipcdevd and start it, which ends the device",
                  path_, why);
    Announcer::reloaded();
}

void Upgrade::end_asking() {
    if (asked_ > 0) {
        kill(asked_, SIGKILL);
        waitpid(asked_, nullptr, 0);
    }
    asked_ = -1;
    answer_.close();
    program_.close();
}

void Upgrade::execute(pid_t server) {
    const HeldSignals held; // until the new program can take them
    if (stop_requested() != 0 || upgrade_requested()) {
        end_asking(); // the first one ends it; the second one may be about yet another program
        return;
    }
    Inheritance left = inheritance_;
    left.server = server;
    left.dumpable = prctl(PR_GET_DUMPABLE);
    std::string variable = to_environment(left);
    std::vector<char*> environment{variable.data()};
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        environment.push_back(*entry);
    }
    environment.push_back(nullptr);
    std::vector<char*> arguments = arguments_for(path_, arguments_);
    arguments.push_back(nullptr);
    set_inheritable(left, true);
    fexecve(program_.get(), arguments.data(), environment.data());
    const int error = errno;
    set_inheritable(left, false);
    refuse(std::strerror(error));
}

// Takes all that main() does, in the same order.
std::string layout_of_this_program() {
    const SharedRange range;
    const Renewal renewal({.settings = {}, .owner = {}, .starter = geteuid()});
    const Pages session(sizeof(SessionState), Part::session);
    const Pages request(Loop::buffer_bytes, Part::request);
    return range.layout();
}

} // namespace ipcdev
