// SPDX-License-Identifier: MIT
#include "keeper.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>

#include <spdlog/spdlog.h>

#include "loop.h"
#include "session.h"
#include "stop_signal.h"
#include "upgrade.h"

namespace ipcdev {

namespace {

constexpr int most_in_vain = 8;                // processes in a row
constexpr std::chrono::seconds long_enough{1}; // to have served, if a call had come
constexpr std::chrono::milliseconds first_pause{1};
constexpr int most_doublings = 7; // of the pause

// An exception ends here: whatever it unwound above would be the keeper's too, in shared pages.
int status_of(const Serve& serve, int predecessor) {
    try {
        return serve(predecessor);
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        return EXIT_FAILURE;
    }
}

pid_t fork_server(const Serve& serve, int predecessor) {
    const pid_t keeper = getpid();
    const pid_t server = fork();
    if (server == -1) {
        throw CannotServe(std::string("can't start another process: ") + std::strerror(errno));
    }
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); // without a keeper it ends, as when it is asked to
        ignore_upgrade_requests();
        _exit(getppid() == keeper ? status_of(serve, predecessor) : EXIT_FAILURE);
    }
    return server;
}

// Its status, once it has ended.
int wait_for(pid_t server, Upgrade& upgrade) {
    bool passed_on = false;
    while (true) {
        int status = 0;
        const pid_t ended = waitpid(-1, &status, 0);
        if (ended == server) {
            return status;
        }
        if (ended != -1 && ended == upgrade.asked()) {
            upgrade.answered(status, server);
        }
        if (stop_requested() != 0) {
            if (!passed_on) {
                passed_on = true;
                kill(server, SIGTERM);
            }
        } else if (!upgrade.is_asking() && take_upgrade_request()) {
            upgrade.ask();
        }
    }
}

} // namespace

int end_server(pid_t server) {
    int status = 0;
    kill(server, SIGKILL);
    while (waitpid(server, &status, 0) == -1 && errno == EINTR) {
    }
    return status;
}

int keep_serving(const Serve& serve, const std::function<Progress()>& progress, Upgrade& upgrade,
                 int predecessor) {
    int short_lived = 0; // in a row
    int in_vain = 0;     // likewise
    while (true) {
        const Progress before = progress();
        const auto start = std::chrono::steady_clock::now();
        const int status = wait_for(fork_server(serve, predecessor), upgrade);
        if (WIFEXITED(status)) {
            return WEXITSTATUS(status);
        }
        predecessor = WTERMSIG(status);
        const Progress now = progress();
        const bool served = now.last_call != before.last_call ||
                            std::chrono::steady_clock::now() - start >= long_enough;
        // Somebody may kill one process after the other although nothing is wrong with them.
        const bool was_well = now.generation != before.generation && !is_crash(predecessor);
        short_lived = served ? 0 : short_lived + 1;
        in_vain = served || was_well ? 0 : in_vain + 1;
        if (in_vain == most_in_vain) {
            spdlog::error("{} processes in a row crashed before they served a call, or were killed "
                          "before they had taken over, the last one by signal {} ({}): gives up",
                          in_vain, predecessor, sigdescr_np(predecessor));
            return EXIT_FAILURE;
        }
        spdlog::warn("the process that served was killed by signal {} ({}): another one goes on",
                     predecessor, sigdescr_np(predecessor));
        if (short_lived > 1) {
            std::this_thread::sleep_for(first_pause * (1 << std::min(short_lived, most_doublings)));
        }
    }
}

} // namespace ipcdev
