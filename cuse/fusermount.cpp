// SPDX-License-Identifier: MIT
#include "fusermount.h"

#include <spawn.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

namespace ipcdev {

namespace {

constexpr const char* program = "fusermount3";

// Tells fusermount3 the socket to send the connection to: see fuse_kern_mount() in libfuse.
constexpr const char* socket_setting = "_FUSE_COMMFD=";

std::vector<char*> pointers_to(std::vector<std::string>& words) {
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

// Runs it in a session of its own: a ^C does not reach it, and writing to the terminal does
// not stop it. -1 if it can't be run.
pid_t start(std::vector<std::string> arguments, const std::vector<int>& kept,
            const std::string& setting = {}) {
    std::vector<std::string> environment;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        if (!std::string_view(*variable).starts_with(socket_setting)) {
            environment.emplace_back(*variable);
        }
    }
    if (!setting.empty()) {
        environment.push_back(setting);
    }
    posix_spawn_file_actions_t descriptors;
    posix_spawn_file_actions_init(&descriptors);
    for (const int fd : kept) {
        posix_spawn_file_actions_adddup2(&descriptors, fd, fd); // clears its FD_CLOEXEC
    }
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    pid_t child = -1;
    const int error = posix_spawnp(&child, program, &descriptors, &attributes,
                                   pointers_to(arguments).data(), pointers_to(environment).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&descriptors);
    return error == 0 ? child : -1;
}

void wait_for(pid_t child) {
    while (waitpid(child, nullptr, 0) == -1 && errno == EINTR) {
    }
}

// Not open if the other end closes without sending one.
Descriptor receive_descriptor(int socket) {
    char data = 0;
    iovec bytes{.iov_base = &data, .iov_len = 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t got = 0;
    do {
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (got == -1 && errno == EINTR);
    const cmsghdr* part = got == 1 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (part == nullptr || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
        return {};
    }
    int received = -1;
    std::memcpy(&received, CMSG_DATA(part), sizeof(received));
    return Descriptor(received);
}

} // namespace

Descriptor mount_by_fusermount(const std::string& folder, const std::string& options,
                               const Descriptor& kept) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == -1) {
        return {};
    }
    const Descriptor ours(ends[0]);
    Descriptor its(ends[1]);
    const pid_t child = start({program, "-o", options, "--", folder}, {its.get(), kept.get()},
                              std::string(socket_setting) + std::to_string(its.get()));
    its.close();
    if (child == -1) {
        return {};
    }
    Descriptor connection = receive_descriptor(ours.get());
    wait_for(child);
    return connection;
}

void unmount_by_fusermount(const std::string& folder) {
    if (const pid_t child = start({program, "-uqz", "--", folder}, {}); child != -1) {
        wait_for(child);
    }
}

} // namespace ipcdev
