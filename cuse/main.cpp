// SPDX-License-Identifier: MIT
//
// ipcdevd: options and wiring.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "announce.h"
#include "inheritance.h"
#include "keeper.h"
#include "libfuse_log.h"
#include "loop.h"
#include "memory_limit.h"
#include "operations.h"
#include "options.h"
#include "pages.h"
#include "privileges.h"
#include "renewal.h"
#include "session.h"
#include "stop_signal.h"
#include "upgrade.h"

namespace ipcdev {

namespace {

// If one of them were closed, the connection or the lock file would get its number, and the
// log would be written there. False if there is no /dev/null.
bool open_standard_streams() {
    constexpr std::array streams{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    return std::ranges::all_of(streams, [](int fd) {
        return fcntl(fd, F_GETFD) != -1 ||
               open("/dev/null", O_RDWR) == fd; // open takes the lowest free one
    });
}

std::filesystem::path default_file_path(const std::string& name) {
    if (geteuid() == 0) {
        return "/dev/" + name;
    }
    const char* runtime = std::getenv("XDG_RUNTIME_DIR"); // NOLINT(concurrency-mt-unsafe)
    if (runtime == nullptr || *runtime == '\0') {
        throw CannotServe("there is no $XDG_RUNTIME_DIR to serve the file in: give a --path in a "
                          "folder of yours, or run as root");
    }
    return std::filesystem::path(runtime) / name;
}

std::unique_ptr<Session> open_session(const Options& options) {
    const bool by_cuse = options.transport == Transport::cuse ||
                         (options.transport == Transport::automatic && cuse_available());
    if (by_cuse) {
        return open_cuse(options.name, options.access);
    }
    if (geteuid() != 0 && options.access.owner.value_or(geteuid()) != geteuid()) {
        throw CannotServe("only root can serve a file for another user: leave out --owner, or run "
                          "as root");
    }
    const auto path = options.path.empty() ? default_file_path(options.name) : options.path;
    return open_fuse(path, options.access);
}

// Clients on the daemon's processor wake it, and are woken, without an inter-processor
// interrupt.
void stay_on(unsigned cpu) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    if (sched_setaffinity(0, sizeof(only), &only) == -1) {
        throw CannotServe("can't run on processor " + std::to_string(cpu) +
                          ": there is none, or it is not allowed here. Those allowed are in "
                          "Cpus_allowed_list of /proc/self/status");
    }
}

std::string describe(const Session& session) {
    return session.server() == IPCDEV_SERVER_CUSE ? "served by CUSE" : "served as a FUSE file";
}

// Answers all parked calls however the service ends, by an exception too.
class AnswersAtTheEnd {
  public:
    AnswersAtTheEnd(Operations& operations, const Announcer& announcer)
        : operations_(operations), announcer_(announcer) {}
    AnswersAtTheEnd(const AnswersAtTheEnd&) = delete;
    AnswersAtTheEnd& operator=(const AnswersAtTheEnd&) = delete;
    ~AnswersAtTheEnd() {
        announcer_.stopping();
        operations_.end();
    }

  private:
    Operations& operations_;
    const Announcer& announcer_;
};

// The exit status once the kernel has ended the connection: an unmount is a normal way to
// stop the daemon, anything else is a failure.
int status_of_end(const Session& session) {
    const std::string path = session.path().string();
    if (session.unmounted()) {
        spdlog::warn("{} was unmounted from outside", path);
        return EXIT_SUCCESS;
    }
    spdlog::error("the connection of {} was aborted, by its 'abort' file in /sys or by a request "
                  "timeout of the kernel (fs.fuse.*_request_timeout)",
                  path);
    return EXIT_FAILURE;
}

// Serves calls until a signal comes or the connection is over. Returns the exit status.
int serve_calls(Session& session, Loop& loop) {
    Loop::State state = Loop::State::open;
    while (state == Loop::State::open && stop_requested() == 0) {
        state = loop.serve_one();
    }
    if (state == Loop::State::ended) {
        return status_of_end(session);
    }
    return state == Loop::State::open ? EXIT_SUCCESS : EXIT_FAILURE;
}

// In a process of its own, which may be killed.
int serve_kept_calls(Session& session, Loop& loop, Renewal& renewal, int predecessor) {
    static_cast<void>(SharedRange::current()->lock()); // the keeper has said if that fails
    if (!renewal.check(session, predecessor)) {
        loop.refuse_received();
    }
    Operations& operations = renewal.operations();
    operations.attach(session); // which may be another program's up to now
    operations.keep();
    if (!loop.recover(predecessor)) {
        return EXIT_FAILURE;
    }
    const int status = serve_calls(session, loop);
    operations.end();
    return status;
}

// Whether each server will be able to.
void say_if_pages_cannot_be_locked() {
    if (!SharedRange::current()->lock()) {
        spdlog::info("messages are not locked in memory, which 'ulimit -l' does not allow: if the "
                     "system swaps them out, a kill may cost one (see ipcdevd(8), --keep)");
    }
}

// By one such process after the other. Returns the exit status.
int keep(Session& session, Loop& loop, Renewal& renewal, Upgrade& upgrade, int predecessor) {
    constexpr auto nobody = static_cast<uid_t>(-1);
    say_if_pages_cannot_be_locked();
    Inheritance left;
    left.memory = SharedRange::current()->hand_over();
    left.starter = static_cast<int>(renewal.origin().starter);
    left.owner = static_cast<int>(renewal.origin().owner.value_or(nobody));
    session.bequeath(left);
    upgrade.prepare(SharedRange::current()->layout(), left);
    const int status =
        keep_serving([&](int before) { return serve_kept_calls(session, loop, renewal, before); },
                     [&] {
                         const Operations& operations = renewal.operations();
                         return Progress{.last_call = operations.last_call(),
                                         .generation = operations.generation()};
                     },
                     upgrade, predecessor);
    renewal.check(session, 0); // the last one may have been killed too
    return status;
}

// Makes the device appear, and serves it. Returns the exit status.
int serve(Session& session, Loop& loop, Renewal& renewal, Announcer& announcer,
          const Options& options, Upgrade& upgrade) {
    Operations& operations = renewal.operations();
    const AnswersAtTheEnd answers(operations, announcer);
    using State = Loop::State;
    State state = State::open;
    // The first request is the handshake; a signal may come before it.
    while (state == State::open && stop_requested() == 0 && !session.ready()) {
        state = loop.serve_one();
    }
    if (state != State::open) {
        throw CannotServe("the kernel closed the connection before " + session.path().string() +
                          " was there");
    }
    if (stop_requested() != 0) {
        return EXIT_SUCCESS;
    }
    session.publish();
    drop_privileges(options.user);
    announcer.ready(session.path(), describe(session));
    if (!options.keep) {
        return serve_calls(session, loop);
    }
    return keep(session, loop, renewal, upgrade, 0);
}

// A new device. Returns the exit status.
int start(const Options& options, Announcer& announcer, Upgrade& upgrade) {
    if (options.background) {
        announcer.go_to_background();
    }
    if (options.cpu) {
        stay_on(*options.cpu);
    }
    std::optional<SharedRange> shared;
    if (options.keep) {
        shared.emplace();
    }
    Renewal renewal({.settings = options.settings,
                     .owner = options.access.owner,
                     .starter = geteuid()}); // it switches users later
    std::unique_ptr<Session> session;        // ends after the signals do
    const StopSignals signals(options.keep);
    // A failure is reported in one sentence of our own.
    log_libfuse(spdlog::level::debug);
    session = open_session(options);
    log_libfuse(spdlog::level::err);
    renewal.operations().attach(*session);
    Loop loop(*session, renewal.operations(), options.spin);
    return serve(*session, loop, renewal, announcer, options, upgrade);
}

Renewal::Origin origin_of(const Options& options, const Inheritance& inheritance) {
    Renewal::Origin origin{.settings = options.settings,
                           .owner = {},
                           .starter = static_cast<uid_t>(inheritance.starter)};
    if (inheritance.owner != -1) {
        origin.owner = static_cast<uid_t>(inheritance.owner);
    }
    return origin;
}

// Goes on with the device of the program that has executed this one (upgrade.h). Up to the end of
// its server it changes nothing there. Returns the exit status.
int resume(const Options& options, const Inheritance& inheritance, Announcer& announcer,
           Upgrade& upgrade) {
    const std::string layout = layout_of_this_program();
    SharedRange shared(inheritance.memory);
    if (shared.layout() != layout) {
        throw CannotServe("can't go on with a device whose state is laid out in another way (" +
                          shared.layout() + ", here " + layout + ")");
    }
    const Pages device(sizeof(Operations), Part::device);
    const Pages kept(sizeof(SessionState), Part::session);
    auto& operations = *std::launder(reinterpret_cast<Operations*>(device.begin()));
    auto& state = *std::launder(reinterpret_cast<SessionState*>(kept.begin()));
    std::unique_ptr<Session> session; // ends after the signals do
    const StopSignals signals(true);
    log_libfuse(spdlog::level::debug);
    session = resume_session(state, inheritance);
    log_libfuse(spdlog::level::err);
    Loop loop(*session, operations, options.spin);
    let_signals_in();

    const int status = end_server(inheritance.server);
    Renewal renewal(origin_of(options, inheritance), shared);
    operations.attach(*session);
    announcer.resumed(session->path(), options.background);
    const AnswersAtTheEnd answers(operations, announcer);
    if (WIFEXITED(status)) {
        renewal.check(*session, 0);
        return WEXITSTATUS(status);
    }
    return keep(*session, loop, renewal, upgrade, WTERMSIG(status));
}

// What executing a program has changed. It was executed by its descriptor, and would be named after
// that. And nobody may look into a process that had privileges.
void restore_process(const Inheritance& inheritance) {
    prctl(PR_SET_NAME, "ipcdevd");
    if (inheritance.dumpable != 1) {
        prctl(PR_SET_DUMPABLE, 0);
    }
}

int run(int argc, char** argv) {
    const std::optional<Inheritance> inheritance = from_environment();
    if (inheritance) {
        restore_process(*inheritance);
    }
    const Options options = parse_options(argc, argv);
    if (options.print_layout) {
        std::puts(layout_of_this_program().c_str());
        return EXIT_SUCCESS;
    }
    spdlog::set_default_logger(spdlog::stderr_color_mt("ipcdevd"));
    spdlog::set_pattern("ipcdevd: %^%l%$: %v");
    spdlog::set_level(options.log_level);
    umask(S_IRWXG | S_IRWXO); // what it creates is for its user only
    Announcer announcer;      // its parent ends after the sentence below is written
    Upgrade upgrade(argv);
    try {
        const int status = inheritance ? resume(options, *inheritance, announcer, upgrade)
                                       : start(options, announcer, upgrade);
        spdlog::info("stopped");
        return status;
    } catch (const Stopped&) {
        spdlog::info("stopped");
        return EXIT_SUCCESS;
    } catch (const CannotServe& reason) {
        spdlog::error("{}", reason.what());
        return EXIT_FAILURE;
    } catch (const std::bad_alloc&) {
        spdlog::error("there is not enough memory or address space for {} MiB of messages: see "
                      "'ulimit -v', or LimitAS= of the unit, which must be 100 MiB higher",
                      held_mib_max);
        return EXIT_FAILURE;
    }
}

} // namespace

} // namespace ipcdev

int main(int argc, char** argv) {
    try {
        if (!ipcdev::open_standard_streams()) {
            return EXIT_FAILURE; // there may be nowhere to report it
        }
        return ipcdev::run(argc, argv);
    } catch (const ipcdev::ParseEnd& end) {
        return end.exit_status;
    } catch (const std::exception& error) {
        spdlog::error("{}", error.what());
        return EXIT_FAILURE;
    }
}
