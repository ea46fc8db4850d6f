// SPDX-License-Identifier: MIT
#include "daemon.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <stdexcept>

#include "settings.h"
#include "support/errors.h"
#include "support/waiting.h"

namespace ipcdev::daemon_tests {

Command daemon_command(const std::vector<std::string>& options) {
    Command command{.arguments = {settings().daemon}};
    command.arguments.insert(command.arguments.end(), options.begin(), options.end());
    return command;
}

Outcome run(Command command) {
    const NotifySocket socket;
    command.environment.push_back(socket.setting());
    Program program(command);
    if (becomes_ready(program, socket)) {
        program.signal(SIGTERM);
    }
    const Status status = program.wait();
    return {.status = status, .output = program.output(), .errors = program.errors()};
}

NotifySocket::NotifySocket()
    : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    const int yes = 1;
    // With no name the kernel chooses an abstract one.
    socklen_t bytes = sizeof(name.sun_family);
    if (bind(socket_.get(), reinterpret_cast<sockaddr*>(&name), bytes) == -1 ||
        setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) == -1) {
        throw_errno("a socket for sd_notify");
    }
    bytes = sizeof(name);
    getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&name), &bytes);
    const std::size_t length = bytes - offsetof(sockaddr_un, sun_path) - 1;
    setting_ = "NOTIFY_SOCKET=@" + std::string(&name.sun_path[1], length);
}

NotifySocket::Message NotifySocket::look() const {
    std::array<char, 1024> text{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
    iovec place{.iov_base = text.data(), .iov_len = text.size()};
    msghdr message{};
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = recvmsg(socket_.get(), &message, 0);
    if (got <= 0) {
        return {};
    }
    Message result{.text = std::string(text.data(), static_cast<std::size_t>(got))};
    if (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr) {
        ucred sender{};
        std::memcpy(&sender, CMSG_DATA(header), sizeof(sender));
        result.sender = sender.pid;
    }
    return result;
}

NotifySocket::Message NotifySocket::receive(const Process& sender, int milliseconds) const {
    for (;;) {
        std::array<pollfd, 2> news{
            pollfd{.fd = socket_.get(), .events = POLLIN, .revents = 0},
            pollfd{.fd = sender.pidfd().get(), .events = POLLIN, .revents = 0}};
        const int count = poll(news.data(), news.size(), milliseconds);
        still_in_time();
        if (count == -1) {
            continue;
        }
        Message message = look();
        if (!message.text.empty() || news[1].revents != 0 || count == 0) {
            return message;
        }
    }
}

bool becomes_ready(const Program& program, const NotifySocket& socket) {
    const std::string text = socket.receive(program).text;
    return text.starts_with("READY=1\n");
}

Daemon::Daemon(Command command) {
    const NotifySocket socket;
    command.environment.push_back(socket.setting());
    static_cast<Program&>(*this) = Program(command);
    if (!becomes_ready(*this, socket)) {
        throw std::runtime_error("the daemon did not serve: " + errors());
    }
}

Status Daemon::stop() {
    signal(SIGTERM);
    return wait();
}

Process adopt_background_daemon(const NotifySocket& socket) {
    const auto message = socket.look();
    if (message.sender == 0) {
        throw std::runtime_error("the background daemon has not said it is ready");
    }
    return Process(message.sender);
}

} // namespace ipcdev::daemon_tests
