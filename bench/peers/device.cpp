// SPDX-License-Identifier: MIT
//
// /dev/ipcdev, whoever serves it. What the sample needs is configured and afterwards
// set back; what is queued in it is dropped.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "descriptor_channel.h"
#include "memory_in_use.h"
#include "peers/peers.h"
#include "support/errors.h"
#include "support/waiting.h"
#include "uapi/ipcdev.h"
#include "uapi/ipcdev_frames.hpp"

namespace ipcdev::bench {

namespace {

ipcdev_info info_of(int fd) {
    ipcdev_info info{};
    info.size = sizeof(info);
    test::checked(ioctl(fd, IPCDEV_IOC_INFO, &info), "IPCDEV_IOC_INFO");
    return info;
}

test::Descriptor open_path(const std::string& path, int access) {
    return test::Descriptor(test::checked(open(path.c_str(), access | O_CLOEXEC), path.c_str()));
}

// The settings of a device as they were.
class Settings {
  public:
    Settings(int fd, const Shape& shape) : fd_(fd), before_(info_of(fd)) {
        const auto bytes = static_cast<std::uint32_t>(shape.message_bytes);
        if (bytes > before_.max_message) {
            wanted_.max_message = bytes;
        }
        if (shape.depth != 0 && shape.depth != before_.depth) {
            wanted_.depth = shape.depth;
        }
        if (before_.mode != IPCDEV_MODE_FIFO) {
            throw Unable("it is in slot mode");
        }
        if (changes() && configure(wanted_) == -1) {
            throw Unable(std::string("its settings can't be changed: ") + strerror(errno));
        }
    }
    Settings(const Settings&) = delete;
    Settings& operator=(const Settings&) = delete;
    ~Settings() {
        if (!changes()) {
            return;
        }
        ipcdev_configure back{};
        back.depth = before_.depth;
        back.max_message = before_.max_message;
        // Whoever was killed while parked may take a moment to be gone.
        for (unsigned attempt = 0; configure(back) == -1 && errno == EBUSY && attempt < 200;
             ++attempt) {
            test::back_off(attempt);
        }
    }

  private:
    [[nodiscard]] bool changes() const { return wanted_.depth != 0 || wanted_.max_message != 0; }
    int configure(ipcdev_configure settings) const {
        settings.size = sizeof(settings);
        return ioctl(fd_, IPCDEV_IOC_CONFIGURE, &settings);
    }

    int fd_;
    ipcdev_info before_;
    ipcdev_configure wanted_{};
};

class DeviceChannel final : public DescriptorChannel {
  public:
    DeviceChannel(const std::string& path, const Shape& shape)
        : DescriptorChannel(open_path(path, O_WRONLY), open_path(path, O_RDONLY), Kind::messages),
          settings_((clear(), write_end()), shape), message_bytes_(shape.message_bytes) {}
    ~DeviceChannel() override { clear(); }

    std::size_t send_batch(std::span<const std::byte> batch) override {
        use_batches(write_end());
        FramePacker packer(frames_);
        for (auto left = batch; !left.empty(); left = left.subspan(message_bytes_)) {
            if (packer.append(left.first(message_bytes_)) != Packed::yes) {
                throw std::logic_error("more messages than a call takes");
            }
        }
        const auto bytes = packer.frames();
        const ssize_t written = write(write_end(), bytes.data(), bytes.size());
        if (test::checked(written, "write") != static_cast<ssize_t>(bytes.size())) {
            throw std::runtime_error("a batch was written in part");
        }
        return batch.size() / message_bytes_;
    }

    // A reader has them where the call put them, as with a plain read.
    std::size_t receive_batch() override {
        use_batches(read_end());
        const ssize_t got = test::checked(read(read_end(), frames_.data(), frames_.size()), "read");
        FrameIterator frames{std::span(frames_).first(static_cast<std::size_t>(got))};
        std::size_t messages = 0;
        while (const auto frame = frames.next()) {
            if (frame->message.size() != message_bytes_) {
                throw std::runtime_error("a batch has a message of another length");
            }
            ++messages;
        }
        return messages;
    }

  private:
    void clear() const { ioctl(write_end(), IPCDEV_IOC_CLEAR); }

    // In the process that sends, or receives, with the first batch.
    void use_batches(int fd) {
        if (frames_.empty()) {
            const ipcdev_batch on{.size = sizeof(on), .on = 1};
            test::checked(ioctl(fd, IPCDEV_IOC_BATCH, &on), "IPCDEV_IOC_BATCH");
            frames_.resize(IPCDEV_BATCH_BYTES_MAX);
        }
    }

    Settings settings_; // after the descriptors, and so set back before they close
    std::size_t message_bytes_;
    std::vector<std::byte> frames_; // of one call
};

std::string server_name(std::uint32_t server) {
    switch (server) {
    case IPCDEV_SERVER_MODULE:
        return "the module";
    case IPCDEV_SERVER_CUSE:
        return "ipcdevd by CUSE";
    case IPCDEV_SERVER_FUSE:
        return "ipcdevd by FUSE";
    default:
        return "an unknown server";
    }
}

} // namespace

void add_device(Peers& peers, const ServedDevice& device) {
    for (const auto& path : device.paths) {
        ipcdev_info info{};
        info.size = sizeof(info);
        if (ioctl(open_path(path, O_RDONLY).get(), IPCDEV_IOC_INFO, &info) == -1) {
            throw std::runtime_error(path + " is no such device: it has no IPCDEV_IOC_INFO");
        }
    }
    const ipcdev_info info = info_of(open_path(device.paths.front(), O_RDONLY).get());
    Abilities abilities{.message_bytes = IPCDEV_MESSAGE_MAX,
                        .no_longer = "above IPCDEV_MESSAGE_MAX",
                        .no_depth = "",
                        .no_batch = "",
                        .depth_max = IPCDEV_DEPTH_MAX,
                        .parked_max = 1000,
                        .one_queue = true};
    if (device.paths.size() < 2) {
        abilities.no_way_back = "needs a second device: --device LABEL=PATH,PATH";
    }
    peers.push_back(
        {.name = device.label,
         .what = "the device, served by " + server_name(info.server),
         .abilities = abilities,
         .open =
             [paths = device.paths](const Shape& shape) {
                 return std::make_unique<DeviceChannel>(paths.at(shape.index), shape);
             },
         .servers = [servers = device.servers] { return servers; },
         .server_bytes = device.servers.empty() ? 0 : resident_bytes(device.servers.front())});
}

} // namespace ipcdev::bench
