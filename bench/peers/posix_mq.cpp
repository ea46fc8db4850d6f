// SPDX-License-Identifier: MIT
//
// A POSIX message queue. Its name is gone once both ends are open.
#include <fcntl.h>
#include <mqueue.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "descriptor_channel.h"
#include "interruption.h"
#include "peers/peers.h"
#include "support/errors.h"

namespace ipcdev::bench {

namespace {

constexpr long kernel_default_depth = 10; // fs.mqueue.msg_default

// On Linux a queue's descriptor is a file's: fcntl and poll take it.
class PosixMq final : public DescriptorChannel {
  public:
    PosixMq(test::Descriptor write_end, test::Descriptor read_end)
        : DescriptorChannel(std::move(write_end), std::move(read_end), Kind::messages) {}

    bool send(std::span<const std::byte> message) override {
        const auto* data = reinterpret_cast<const char*>(message.data());
        while (mq_send(write_end(), data, message.size(), 0) == -1) {
            if (errno == EAGAIN) {
                return false;
            }
            interruption::retry_or_throw("mq_send");
        }
        return true;
    }

    bool receive(std::span<std::byte> message) override {
        auto* data = reinterpret_cast<char*>(message.data());
        while (mq_receive(read_end(), data, message.size(), nullptr) == -1) {
            if (errno == EAGAIN) {
                return false;
            }
            interruption::retry_or_throw("mq_receive");
        }
        return true;
    }
};

std::unique_ptr<Channel> open_queue(const Shape& shape) {
    const std::string name =
        "/ipcdev-bench-" + std::to_string(getpid()) + "-" + std::to_string(shape.index);
    mq_attr attributes{};
    attributes.mq_maxmsg = shape.depth != 0 ? static_cast<long>(shape.depth) : kernel_default_depth;
    attributes.mq_msgsize = static_cast<long>(shape.message_bytes);
    test::Descriptor write_end(mq_open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                       S_IRUSR | S_IWUSR, &attributes));
    if (!write_end.is_open()) {
        if (errno == EINVAL || errno == EMFILE) {
            throw Unable("above a limit of fs.mqueue or RLIMIT_MSGQUEUE");
        }
        test::throw_errno("mq_open");
    }
    test::Descriptor read_end(mq_open(name.c_str(), O_RDONLY | O_CLOEXEC));
    const int error = errno;
    mq_unlink(name.c_str());
    errno = error;
    test::checked(read_end.get(), "mq_open");
    return std::make_unique<PosixMq>(std::move(write_end), std::move(read_end));
}

} // namespace

void add_posix_mq(Peers& peers) {
    peers.push_back({.name = "posix-mq",
                     .what = "a POSIX message queue",
                     .abilities = {.no_depth = "", .depth_max = 1024},
                     .open = open_queue});
}

} // namespace ipcdev::bench
