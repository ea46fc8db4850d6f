// SPDX-License-Identifier: MIT
//
// The ioctls of uapi/ipcdev.h. They are restricted ioctls: the kernel copies as many bytes
// as the number encodes, so a struct may grow, and old and new programs still work.
#include "operations.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ipcdev {

namespace {

// Is it this ioctl, with a struct of this size or a newer program's larger one?
bool is(unsigned command, unsigned known) {
    return _IOC_TYPE(command) == _IOC_TYPE(known) && _IOC_NR(command) == _IOC_NR(known) &&
           _IOC_DIR(command) == _IOC_DIR(known) && _IOC_SIZE(command) >= _IOC_SIZE(known);
}

bool all_zero(std::span<const std::byte> bytes) {
    return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

template <typename Field> bool is_zero(const Field& field) {
    return all_zero(std::as_bytes(std::span(&field, 1)));
}

// Copies out the program's struct. False if its size field is wrong, or it sets fields that
// this server does not know.
template <typename Struct> bool parse(std::span<const std::byte> in, Struct& out) {
    if (in.size() < sizeof(Struct) || !all_zero(in.subspan(sizeof(Struct)))) {
        return false;
    }
    std::memcpy(&out, in.data(), sizeof(Struct));
    if constexpr (requires { out.reserved; }) {
        if (!is_zero(out.reserved)) {
            return false;
        }
    }
    return out.size == in.size();
}

// Answers, with zeros for fields that only the program knows.
template <typename Struct>
void answer_with(KeptAnswer& answer, std::uint64_t unique, const Struct& value,
                 std::size_t out_bytes) {
    std::array<std::byte, KeptAnswer::ioctl_bytes_max> out{};
    std::memcpy(out.data(), &value, sizeof(value));
    answer.ioctl_result(unique, std::span(out).first(out_bytes));
}

// One ioctl that answers with its struct.
template <typename Struct, typename Handler>
void exchange(KeptAnswer& answer, std::uint64_t unique, std::span<const std::byte> in,
              Handler handler) {
    Struct value{};
    const int error = parse(in, value) ? handler(value) : EINVAL;
    if (error != 0) {
        answer.error(unique, error);
    } else {
        answer_with(answer, unique, value, in.size());
    }
}

// One ioctl that only succeeds or fails.
void conclude(KeptAnswer& answer, std::uint64_t unique, int error) {
    if (error != 0) {
        answer.error(unique, error);
    } else {
        answer.ioctl_result(unique, {});
    }
}

} // namespace

void Operations::ioctl(std::uint64_t unique, const IoctlCall& call) {
    const unsigned command = call.command;
    const auto in = call.in;
    if (is(command, IPCDEV_IOC_INFO)) {
        exchange<ipcdev_info>(answer_, unique, in, [&](auto& out) { return inform(out); });
    } else if (is(command, IPCDEV_IOC_STATS)) {
        exchange<ipcdev_stats>(answer_, unique, in, [&](auto& out) { return count(out); });
    } else if (is(command, IPCDEV_IOC_WAITERS)) {
        exchange<ipcdev_waiters>(answer_, unique, in,
                                 [&](auto& out) { return list_waiters(out, *call.file.account); });
    } else if (is(command, IPCDEV_IOC_CONFIGURE)) {
        ipcdev_configure wanted{};
        conclude(answer_, unique, parse(in, wanted) ? configure(wanted, call.user) : EINVAL);
    } else if (command == IPCDEV_IOC_CLEAR) {
        conclude(answer_, unique, clear(call.file));
    } else if (is(command, IPCDEV_IOC_BATCH)) {
        ipcdev_batch wanted{};
        conclude(answer_, unique, parse(in, wanted) ? switch_batch(wanted, call.file) : EINVAL);
    } else {
        answer_.error(unique, ENOTTY);
    }
    finish(unique);
}

int Operations::inform(ipcdev_info& out) const {
    const Settings& settings = device_->settings();
    const Gauges& gauges = device_->gauges();
    out = {.size = out.size,
           .abi_version = IPCDEV_ABI_VERSION,
           .server = session_->server(),
           .capabilities = session_->capabilities() | (is_kept_ ? IPCDEV_CAP_KEPT : 0),
           .mode = static_cast<__u32>(settings.mode),
           .depth = settings.depth,
           .max_message = settings.max_message,
           .queued_messages = gauges.queued_messages,
           .queued_bytes = gauges.queued_bytes,
           .parked_readers = gauges.parked_readers,
           .parked_writers = gauges.parked_writers,
           .opens = gauges.opens,
           .begun_messages = gauges.begun_messages,
           .generation = generation_,
           .reserved = 0};
    return 0;
}

int Operations::count(ipcdev_stats& out) const {
    const Statistics& statistics = device_->statistics();
    out = {.size = out.size,
           .reserved = 0,
           .messages_written = statistics.messages_written,
           .bytes_written = statistics.bytes_written,
           .messages_read = statistics.messages_read,
           .bytes_read = statistics.bytes_read,
           .messages_overwritten = statistics.messages_overwritten,
           .bytes_truncated = statistics.bytes_truncated,
           .messages_cleared = statistics.messages_cleared,
           .reader_parks = statistics.reader_parks,
           .writer_parks = statistics.writer_parks,
           .interrupted = statistics.interrupted};
    return 0;
}

int Operations::list_waiters(ipcdev_waiters& in_out, const Account& asking) const {
    const __u32 first = in_out.first;
    in_out = {.size = in_out.size, .first = first, .count = 0, .total = 0, .waiters = {}};
    for (const RequestList* parked : {&device_->readers(), &device_->writers()}) {
        for (const Request& request : *parked) {
            if (!asking.privileged && request.account != &asking) {
                continue;
            }
            const __u32 index = in_out.total++;
            if (index < first || in_out.count == IPCDEV_WAITERS_PER_CALL) {
                continue;
            }
            const auto& call = static_cast<const PendingCall&>(request);
            in_out.waiters[in_out.count++] = {
                .pid = call.thread,
                .operation = static_cast<__u32>(
                    call.operation == Operation::read ? IPCDEV_WAITER_READ : IPCDEV_WAITER_WRITE),
                .bytes = call.bytes,
                .since_ns = call.since_ns};
        }
    }
    return 0;
}

int Operations::configure(const ipcdev_configure& in, uid_t caller) {
    if (caller != 0 && caller != starter_) {
        return EPERM;
    }
    return device_.change().configure(
        {.mode = in.mode, .depth = in.depth, .max_message = in.max_message});
}

int Operations::switch_batch(const ipcdev_batch& in, OpenFile& file) {
    if (in.on > 1) {
        return EINVAL;
    }
    for (const RequestList* parked : {&device_->readers(), &device_->writers()}) {
        if (std::any_of(parked->begin(), parked->end(),
                        [&](const Request& request) { return request.open == &file; })) {
            return EBUSY;
        }
    }
    file.batch = in.on == 1;
    return 0;
}

int Operations::clear(const OpenFile& file) {
    const int access = file.flags & O_ACCMODE; // may be 3, for ioctls only: see open(2)
    if (access != O_WRONLY && access != O_RDWR) {
        return EBADF;
    }
    device_.change().clear(effects_.change());
    return 0;
}

} // namespace ipcdev
