// SPDX-License-Identifier: MIT
//
// A daemon that is started with stdin, stdout or stderr closed.
#include <unistd.h>

#include "fixture.h"

namespace ipcdev::daemon_tests {

namespace {

class ClosedStreams : public EachTransport {
  protected:
    static std::string target(const Process& daemon, int fd) {
        return fs::read_symlink("/proc/" + std::to_string(daemon.pid()) + "/fd/" +
                                std::to_string(fd));
    }
};

TEST_P(ClosedStreams, AreDevNullAndNotTheConnectionOrALock) {
    for (unsigned closed = 1; closed < 8; ++closed) { // every set of the three
        Command started = command();
        started.before_exec = [closed] {
            for (int fd = 0; fd < 3; ++fd) {
                if ((closed & (1U << static_cast<unsigned>(fd))) != 0) {
                    ::close(fd);
                }
            }
        };
        Daemon daemon(started);
        for (int fd = 0; fd < 3; ++fd) {
            if ((closed & (1U << static_cast<unsigned>(fd))) != 0) {
                EXPECT_EQ(target(daemon, fd), "/dev/null") << fd << " of " << closed;
            }
        }
        EXPECT_TRUE(passes_messages(device()));
        EXPECT_EQ(daemon.stop(), 0);
        expect_nothing_at(device());
    }
}

IPCDEV_EACH_TRANSPORT(ClosedStreams);

} // namespace

} // namespace ipcdev::daemon_tests
