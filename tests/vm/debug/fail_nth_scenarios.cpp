// SPDX-License-Identifier: MIT
#include "fail_nth_scenarios.h"

#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>

#include <memory>
#include <utility>

#include "fail_nth_parts.h"

namespace ipcdev::fail_nth {

namespace {

// Writes of `message`, to a device that holds `before`.
Scenario writing(const Device& device, const std::string& name, unsigned mode,
                 const Messages& before, const std::string& message, std::size_t segments = 1) {
    auto text = std::make_shared<std::string>(message);
    auto parts = std::make_shared<std::vector<iovec>>(segments_of(*text, segments));
    return {
        .name = name,
        .prepare = [&device, mode, before] { fill(device, mode, before); },
        .call =
            [&device, text, parts] {
                return writev(device.get(), parts->data(), static_cast<int>(parts->size()));
            },
        .succeeded =
            [&device, mode, before, message](long result) {
                Messages expected = before;
                expected.push_back(message);
                if (expected.size() > depth_of(mode)) { // of a ring, or a slot
                    expected.erase(expected.begin());
                }
                expect(result == static_cast<long>(message.size()), "all of it is written");
                expect(device.drain() == expected, "it is the last message");
            },
        .failed = [&device, before] { expect(device.drain() == before, "nothing has changed"); },
    };
}

// Reads of `bytes` in that many segments, from a device that holds `before`, and of which
// the open has read the first `begun` bytes.
Scenario reading(const Device& device, const std::string& name, unsigned mode,
                 const Messages& before, std::size_t bytes, std::size_t segments = 1,
                 std::size_t begun = 0) {
    auto room = std::make_shared<std::string>(bytes, '\0');
    auto parts = std::make_shared<std::vector<iovec>>(segments_of(*room, segments));
    const Messages left = after_reading(begun, before);
    return {
        .name = name,
        .prepare =
            [&device, mode, before, begun] {
                fill(device, mode, before);
                if (begun != 0) {
                    read_bytes(device.get(), begun);
                }
            },
        .call =
            [&device, room, parts] {
                return readv(device.get(), parts->data(), static_cast<int>(parts->size()));
            },
        .succeeded =
            [&device, left, room](long result) {
                const auto got = static_cast<std::size_t>(result);
                expect(got > 0 && room->substr(0, got) == left[0].substr(0, got),
                       "it is the first message");
                expect(device.drain() == after_reading(got, left), "the rest is still there");
            },
        .failed = [&device, left] { expect(device.drain() == left, "nothing is lost"); },
    };
}

// A short read by an open that goes away then: the rest is the next one's.
Scenario reading_and_leaving(const Device& device, const Messages& before, std::size_t bytes) {
    auto descriptor = std::make_shared<Descriptor>();
    auto room = std::make_shared<std::string>(bytes, '\0');
    return {
        .name = "a short read and a close",
        .prepare =
            [&device, descriptor, before] {
                fill(device, IPCDEV_MODE_FIFO, before);
                *descriptor = device.open();
            },
        .call = [descriptor,
                 room] { return ::read(descriptor->get(), room->data(), room->size()); },
        .succeeded =
            [&device, descriptor, before](long result) {
                expect(device.info().begun_messages == 1, "the message is begun");
                descriptor->close();
                expect(device.drain() == after_reading(static_cast<std::size_t>(result), before),
                       "the rest is in front of the others");
            },
        .failed =
            [&device, descriptor, before] {
                expect(device.info().begun_messages == 0, "nothing is begun");
                descriptor->close();
                expect(device.drain() == before, "nothing is lost");
            },
    };
}

// An open that moves frames, from prepare to the end of a scenario.
std::shared_ptr<Descriptor> batched() {
    return std::make_shared<Descriptor>();
}

void move_frames(const Descriptor& descriptor) {
    ipcdev_batch on{.size = sizeof(on), .on = 1};
    checked(ioctl(descriptor.get(), IPCDEV_IOC_BATCH, &on), "BATCH");
}

Scenario writing_batch(const Device& device, const Messages& before, const Messages& batch) {
    auto descriptor = batched();
    auto bytes = std::make_shared<std::string>(frames_of(batch));
    Messages after = before;
    after.insert(after.end(), batch.begin(), batch.end());
    return {
        .name = "a batch write",
        .prepare =
            [&device, descriptor, before] {
                fill(device, IPCDEV_MODE_FIFO, before);
                *descriptor = device.open();
                move_frames(*descriptor);
            },
        .call = [descriptor,
                 bytes] { return ::write(descriptor->get(), bytes->data(), bytes->size()); },
        .succeeded =
            [&device, descriptor, bytes, after](long result) {
                descriptor->close();
                expect(result == static_cast<long>(bytes->size()), "all frames are taken");
                expect(device.drain() == after, "all of them are queued");
            },
        .failed =
            [&device, descriptor, before] {
                descriptor->close();
                expect(device.drain() == before, "nothing was queued");
            },
    };
}

// By an open that has read the first `begun` bytes of what was there.
Scenario reading_batch(const Device& device, const std::string& name, const Messages& before,
                       std::size_t begun = 0) {
    auto descriptor = batched();
    auto room = std::make_shared<std::string>(IPCDEV_BATCH_BYTES_MAX, '\0');
    const Messages left = after_reading(begun, before);
    return {
        .name = name,
        .prepare =
            [&device, descriptor, before, begun] {
                fill(device, IPCDEV_MODE_FIFO, before);
                *descriptor = device.open();
                if (begun != 0) {
                    read_bytes(descriptor->get(), begun);
                }
                move_frames(*descriptor);
            },
        .call = [descriptor,
                 room] { return ::read(descriptor->get(), room->data(), room->size()); },
        .succeeded =
            [&device, descriptor, room, left, begun](long result) {
                descriptor->close();
                expect(room->substr(0, static_cast<std::size_t>(result)) ==
                           frames_of(left, begun != 0 ? IPCDEV_FRAME_REMAINDER : 0),
                       "all frames are read");
                expect(device.drain().empty(), "none of them is left");
            },
        .failed =
            [&device, descriptor, left] {
                descriptor->close();
                expect(device.drain() == left, "nothing is lost, and the order is kept");
            },
    };
}

// A read of `bytes` that has parked when the message comes, so that the fault strikes the
// copy after it was handed over.
Scenario reading_parked(const Device& device, const std::string& name, const std::string& message,
                        std::size_t bytes) {
    auto room = std::make_shared<std::string>(bytes, '\0');
    auto blocking = std::make_shared<Descriptor>();
    auto writer = std::make_shared<std::unique_ptr<Helper>>();
    const auto finish = [blocking, writer] {
        blocking->close();
        (*writer)->expect_success();
    };
    return {
        .name = name,
        .prepare =
            [&device, blocking, writer, message] {
                fill(device, IPCDEV_MODE_FIFO, {});
                *blocking = device.open(0);
                *writer = std::make_unique<Helper>([&device, &message] {
                    while (device.info().parked_readers == 0) {
                        sched_yield();
                    }
                    device.write(message);
                    return true;
                });
            },
        .call = [blocking, room] { return ::read(blocking->get(), room->data(), room->size()); },
        .succeeded =
            [&device, room, finish, message](long result) {
                finish();
                expect(result == static_cast<long>(room->size()) &&
                           *room == message.substr(0, room->size()),
                       "it is the message");
                expect(device.drain() == after_reading(room->size(), {message}),
                       "what its open has left of it is there, and no more");
            },
        .failed =
            [&device, finish, message] {
                finish();
                expect(device.drain() == Messages{message}, "it is back in the queue");
            },
    };
}

// A write that hands its message to a parked reader.
Scenario writing_to_parked(const Device& device, const std::string& message) {
    auto reader = std::make_shared<std::unique_ptr<Helper>>();
    const auto finish = [&device, reader](std::size_t parked) {
        const ipcdev_info now = device.info();
        expect(now.queued_messages == 0, "nothing is queued");
        expect(now.parked_readers <= parked, "the reader is served");
    };
    return {
        .name = "a write to a parked reader",
        .prepare =
            [&device, reader, message] {
                fill(device, IPCDEV_MODE_FIFO, {});
                *reader = std::make_unique<Helper>([&device, &message] {
                    const Descriptor blocking = device.open(0);
                    std::string room(message.size(), '\0');
                    return ::read(blocking.get(), room.data(), room.size()) ==
                               static_cast<ssize_t>(room.size()) &&
                           room == message;
                });
                while (device.info().parked_readers == 0) {
                    sched_yield();
                }
            },
        .call = [&device,
                 message] { return ::write(device.get(), message.data(), message.size()); },
        .succeeded =
            [reader, finish](long) {
                (*reader)->expect_success();
                finish(0);
            },
        .failed =
            [&device, reader, finish, message] {
                finish(1);
                expect(device.info().parked_readers == 1, "the reader is still parked");
                device.write(message);
                (*reader)->expect_success();
            },
    };
}

// A call that only asks, or that changes nothing which a fault could lose.
Scenario asking(const Device& device, const std::string& name, std::function<long()> call) {
    const Messages before{letters(100), letters(7)};
    const auto unchanged = [&device, before] {
        expect(device.info().opens == 1, "no open is left behind");
        expect(device.drain() == before, "the queue is as it was");
    };
    return {
        .name = name,
        .prepare = [&device, before] { fill(device, IPCDEV_MODE_FIFO, before); },
        .call = std::move(call),
        .succeeded = [unchanged](long) { unchanged(); },
        .failed = unchanged,
    };
}

Scenario opening(const Device& device) {
    Scenario scenario = asking(device, "open", [&device] {
        const Descriptor other(::open(device.path().c_str(), O_RDWR | O_CLOEXEC));
        return static_cast<long>(other.is_open() ? 0 : -1);
    });
    scenario.copies = false;
    return scenario;
}

// The epoll is made before: it takes an allocation more or less from time to time, and the number
// of the fault would miss the copy that follows. That copy is the first thing that can fail now.
Scenario watching(const Device& device) {
    const auto epoll = std::make_shared<Descriptor>();
    Scenario scenario = asking(device, "epoll", [&device, epoll] {
        epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
        if (epoll_ctl(epoll->get(), EPOLL_CTL_ADD, device.get(), &event) == -1) {
            return -1L;
        }
        return static_cast<long>(epoll_wait(epoll->get(), &event, 1, 0));
    });
    scenario.prepare = [epoll, fill_queue = scenario.prepare] {
        *epoll = Descriptor(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
        fill_queue();
    };
    return scenario;
}

template <class Struct> long ask(int fd, unsigned long request) {
    Struct argument{};
    argument.size = sizeof(argument);
    return ioctl(fd, request, &argument);
}

Scenario configuring(const Device& device) {
    const auto depth_is = [&device](unsigned depth) {
        expect(device.info().depth == depth, "the depth is " + std::to_string(depth));
    };
    return {
        .name = "CONFIGURE",
        .prepare = [&device] { fill(device, IPCDEV_MODE_FIFO, {}); },
        .call =
            [&device] {
                ipcdev_configure change{};
                change.size = sizeof(change);
                change.depth = 9;
                return static_cast<long>(ioctl(device.get(), IPCDEV_IOC_CONFIGURE, &change));
            },
        .succeeded = [depth_is](long) { depth_is(9); },
        .failed = [depth_is] { depth_is(4); },
    };
}

} // namespace

std::vector<Scenario> scenarios(const Device& device) {
    constexpr auto fifo = IPCDEV_MODE_FIFO;
    constexpr auto slot = IPCDEV_MODE_SLOT;
    constexpr auto ring = IPCDEV_MODE_RING;
    const int fd = device.get();
    const std::string small = letters(100);
    const std::string large = letters(IPCDEV_MESSAGE_MAX);
    const Messages two{letters(3000), letters(50)};
    const Messages four{letters(3000), letters(50), letters(9), letters(700)};
    return {
        writing(device, "a write", fifo, two, small),
        writing(device, "a long write", fifo, two, large),
        writing(device, "a write of 4 segments", fifo, two, letters(4000), 4),
        writing(device, "a write of 64 segments", fifo, two, letters(6400), 64),
        writing(device, "a write to a slot", slot, {letters(3000)}, small),
        writing(device, "a write to a full ring", ring, four, small),
        writing_to_parked(device, large),
        reading(device, "a read", fifo, two, 4096),
        reading(device, "a short read", fifo, two, 1000),
        reading(device, "a long read", fifo, {large, small}, large.size()),
        reading(device, "a read of 4 segments", fifo, two, 4096, 4),
        reading(device, "a read of 64 segments", fifo, {letters(6400), small}, 6400, 64),
        reading(device, "a read of a slot", slot, {letters(3000)}, 4096),
        reading(device, "a short read of a slot", slot, {letters(3000)}, 1000),
        reading(device, "a read of the rest", fifo, two, 4096, 1, 1000),
        reading(device, "a read in the middle", ring, two, 1000, 1, 1000),
        reading_and_leaving(device, two, 1000),
        reading_parked(device, "a parked read", large, large.size()),
        reading_parked(device, "a short read that parked", large, 1000),
        writing_batch(device, {small}, {large, small, letters(200)}),
        reading_batch(device, "a batch read", {small, large, letters(200)}),
        reading_batch(device, "a batch read of the rest and more", {large, small, letters(200)},
                      99),
        asking(device, "INFO", [fd] { return ask<ipcdev_info>(fd, IPCDEV_IOC_INFO); }),
        asking(device, "STATS", [fd] { return ask<ipcdev_stats>(fd, IPCDEV_IOC_STATS); }),
        asking(device, "WAITERS", [fd] { return ask<ipcdev_waiters>(fd, IPCDEV_IOC_WAITERS); }),
        configuring(device),
        opening(device),
        asking(device, "poll",
               [fd] {
                   pollfd one{.fd = fd, .events = POLLIN | POLLOUT, .revents = 0};
                   return static_cast<long>(poll(&one, 1, 0));
               }),
        watching(device),
    };
}

} // namespace ipcdev::fail_nth
