// SPDX-License-Identifier: MIT
//
// Chapter 'ioctl' of the contract: the form of the numbers and structs. They can
// grow, and mean the same to 32-bit programs.
#include <cstddef>
#include <cstring>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device_test.h"

namespace ipcdev::conformance {
namespace {

// An ioctl with its struct, all of it in order: the size set, the rest 0.
struct Known {
    const char* name;
    unsigned long number;
    std::size_t reserved; // where the reserved bytes begin, or the size: none
    std::size_t reserved_end;

    [[nodiscard]] std::size_t size() const { return _IOC_SIZE(number); }
    [[nodiscard]] std::string argument() const {
        std::string bytes(size(), '\0');
        const auto stated = static_cast<std::uint32_t>(size());
        std::memcpy(bytes.data(), &stated, sizeof(stated));
        return bytes;
    }
    // As a program has it that was compiled with a later header.
    [[nodiscard]] Known grown_to(std::size_t bytes) const {
        return {name, _IOC(_IOC_DIR(number), _IOC_TYPE(number), _IOC_NR(number), bytes), 0, 0};
    }
};

constexpr Known all_known[] = {
    {"INFO", IPCDEV_IOC_INFO, offsetof(ipcdev_info, reserved), sizeof(ipcdev_info)},
    {"STATS", IPCDEV_IOC_STATS, offsetof(ipcdev_stats, reserved),
     offsetof(ipcdev_stats, messages_written)},
    {"WAITERS", IPCDEV_IOC_WAITERS, 0, 0},
    {"BATCH", IPCDEV_IOC_BATCH, 0, 0},
    {"CONFIGURE", IPCDEV_IOC_CONFIGURE, offsetof(ipcdev_configure, reserved),
     sizeof(ipcdev_configure)},
};

class IoctlForm : public DeviceTest {
  protected:
    // Those that this user may use.
    static std::vector<Known> every_ioctl() {
        std::vector<Known> all(std::begin(all_known), std::end(all_known));
        if (observer().configure(0, 0, 0).error == EPERM) {
            all.pop_back();
        }
        return all;
    }
};

TEST_F(IoctlForm, EveryStructInOrderIsAccepted) {
    contract("I7");
    for (const Known& known : every_ioctl()) {
        SCOPED_TRACE(known.name);
        expect_result(a.ioctl(known.number, known.argument()), 0);
    }
}

TEST_F(IoctlForm, ASizeThatIsNotTheOneOfTheNumberGivesEINVAL) {
    contract("I7");
    for (const Known& known : every_ioctl()) {
        for (const int off_by : {-1, 1, 4}) {
            SCOPED_TRACE(known.name);
            std::string argument = known.argument();
            argument[0] = static_cast<char>(argument[0] + off_by);
            expect_error(a.ioctl(known.number, argument), EINVAL);
        }
    }
}

TEST_F(IoctlForm, AReservedFieldThatIsNot0GivesEINVAL) {
    contract("I7");
    for (const Known& known : every_ioctl()) {
        for (std::size_t at = known.reserved; at < known.reserved_end; ++at) {
            SCOPED_TRACE(known.name + (" byte " + std::to_string(at)));
            std::string argument = known.argument();
            argument[at] = 1;
            expect_error(a.ioctl(known.number, argument), EINVAL);
        }
    }
}

TEST_F(IoctlForm, AStructThatHasGrownIsAcceptedWhenItsTailIs0) {
    contract("I7");
    for (const Known& known : every_ioctl()) {
        for (const std::size_t bytes : {known.size() + 4, known.size() + 64, std::size_t{4096}}) {
            SCOPED_TRACE(known.name + (" of " + std::to_string(bytes)));
            const Known grown = known.grown_to(bytes);
            const Outcome done = a.ioctl(grown.number, grown.argument());
            expect_result(done, 0);
            EXPECT_EQ(done.bytes.substr(known.size()), std::string(bytes - known.size(), '\0'));
        }
    }
}

TEST_F(IoctlForm, AStructThatHasGrownGivesEINVALWhenItsTailIsNot0) {
    contract("I7");
    for (const Known& known : every_ioctl()) {
        const Known grown = known.grown_to(known.size() + 64);
        for (const std::size_t at : {known.size(), known.size() + 31, known.size() + 63}) {
            SCOPED_TRACE(known.name + (" byte " + std::to_string(at)));
            std::string argument = grown.argument();
            argument[at] = 1;
            expect_error(a.ioctl(grown.number, argument), EINVAL);
        }
    }
}

TEST_F(IoctlForm, AStructThatHasGrownIsAnsweredAsTheKnownOneIs) {
    contract("I7");
    const Known known = all_known[0];
    const Known grown = known.grown_to(known.size() + 64);
    const auto from_grown = from_bytes<ipcdev_info>(
        a.ioctl(grown.number, grown.argument()).bytes.substr(0, sizeof(ipcdev_info)));
    EXPECT_EQ(from_grown.size, grown.size());
    EXPECT_EQ(from_grown.server, info().server);
    EXPECT_EQ(from_grown.depth, info().depth);
    EXPECT_EQ(from_grown.opens, info().opens);
}

// --- anything else

TEST_F(IoctlForm, AnythingElseGivesENOTTY) {
    contract("I6");
    const std::string room(64, '\0');
    for (const unsigned long number : {
             static_cast<unsigned long>(_IO(IPCDEV_IOC_TYPE, 0)),
             static_cast<unsigned long>(_IO(IPCDEV_IOC_TYPE, 6)),
             static_cast<unsigned long>(_IOC(_IOC_READ | _IOC_WRITE, IPCDEV_IOC_TYPE, 6, 64)),
             static_cast<unsigned long>(_IOC(_IOC_READ | _IOC_WRITE, IPCDEV_IOC_TYPE + 1, 1, 64)),
             static_cast<unsigned long>(_IOC(_IOC_READ, IPCDEV_IOC_TYPE, 1, 64)),
             static_cast<unsigned long>(_IOC(_IOC_WRITE, IPCDEV_IOC_TYPE, 1, 64)),
             static_cast<unsigned long>(_IOC(_IOC_READ | _IOC_WRITE, IPCDEV_IOC_TYPE, 4, 32)),
             0x5401UL, // TCGETS: is it a terminal?
         }) {
        SCOPED_TRACE(std::to_string(number));
        expect_error(a.ioctl(number, room), ENOTTY);
    }
}

TEST_F(IoctlForm, AStructThatIsSmallerThanTheFirstVersionGivesENOTTY) {
    contract("I6", "I7");
    for (const Known& known : every_ioctl()) {
        SCOPED_TRACE(known.name);
        const Known smaller = known.grown_to(known.size() - 4);
        expect_error(a.ioctl(smaller.number, smaller.argument()), ENOTTY);
    }
}

// --- 32-bit programs

TEST_F(IoctlForm, StructsAndNumbersHaveOneLayoutFor32And64Bits) {
    contract("I7");
    static_assert(sizeof(ipcdev_info) == 64 && offsetof(ipcdev_info, queued_bytes) == 32);
    static_assert(offsetof(ipcdev_info, parked_readers) == 40);
    static_assert(offsetof(ipcdev_info, begun_messages) == 52);
    static_assert(offsetof(ipcdev_info, generation) == 56);
    static_assert(sizeof(ipcdev_stats) == 88 && offsetof(ipcdev_stats, messages_written) == 8);
    static_assert(sizeof(ipcdev_waiter) == 24 && offsetof(ipcdev_waiter, bytes) == 8);
    static_assert(sizeof(ipcdev_waiters) == 784 && offsetof(ipcdev_waiters, waiters) == 16);
    static_assert(sizeof(ipcdev_configure) == 32 && offsetof(ipcdev_configure, reserved) == 16);
    static_assert(IPCDEV_IOC_INFO == 0xC040E901 && IPCDEV_IOC_STATS == 0xC058E902);
    static_assert(IPCDEV_IOC_WAITERS == 0xC310E903 && IPCDEV_IOC_CONFIGURE == 0x4020E904);
    static_assert(IPCDEV_IOC_CLEAR == 0xE905);
    static_assert(sizeof(ipcdev_batch) == 8 && IPCDEV_IOC_BATCH == 0x4008E906);
    static_assert(sizeof(ipcdev_frame) == 8 && offsetof(ipcdev_frame, flags) == 4);
}

#ifdef __x86_64__
// The system call as a 32-bit program makes it, by the kernel's entry for those.
std::int64_t call_as_32_bit_program(unsigned number, std::uint64_t first, std::uint64_t second,
                                    std::uint64_t third) {
    std::int64_t result = number;
    asm volatile("int $0x80"
                 : "+a"(result)
                 : "b"(first), "c"(second), "d"(third)
                 : "memory", "r8", "r9", "r10", "r11");
    return static_cast<std::int32_t>(result);
}

constexpr unsigned number_of_getpid = 20; // in the 32-bit table
constexpr unsigned number_of_ioctl = 54;

// Ends by SIGSEGV in a kernel without that entry.
Outcome getpid_as_32_bit_program(const Call&) {
    return outcome(call_as_32_bit_program(number_of_getpid, 0, 0, 0));
}

Outcome ioctl_as_32_bit_program(const Call& call) {
    void* low = mmap(nullptr, 65536, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    std::memcpy(low, call.bytes.data(), call.bytes.size());
    const std::int64_t result = call_as_32_bit_program(
        number_of_ioctl, static_cast<std::uint64_t>(call.fd),
        static_cast<std::uint64_t>(call.numbers[0]), reinterpret_cast<std::uint64_t>(low));
    errno = static_cast<int>(-result);
    Outcome done = outcome(result < 0 ? -1 : result);
    done.bytes.assign(static_cast<const char*>(low), call.bytes.size());
    return done;
}

TEST_F(IoctlForm, A32BitProgramWorksOnA64BitKernel) {
    contract("I7");
    try {
        static_cast<void>(a.run(getpid_as_32_bit_program));
    } catch (const ClientGone&) {
        skip("this kernel runs no 32-bit programs");
    }
    write_ok(b, "queued");
    for (const Known& known : {all_known[0], all_known[1], all_known[2], all_known[3]}) {
        SCOPED_TRACE(known.name);
        const Call as_usual{
            Client::own, {static_cast<std::int64_t>(known.number)}, known.argument(), -1};
        const Outcome done = a.run(ioctl_as_32_bit_program, as_usual);
        expect_result(done, 0);
        EXPECT_EQ(done.bytes, a.ioctl(known.number, known.argument()).bytes);
    }
    const Known configure = all_known[4];
    expect_error(
        a.run(
            ioctl_as_32_bit_program,
            {Client::own, {static_cast<std::int64_t>(configure.number)}, configure.argument(), -1}),
        EBUSY);
    expect_result(a.run(ioctl_as_32_bit_program,
                        {Client::own, {static_cast<std::int64_t>(IPCDEV_IOC_CLEAR)}, {}, -1}),
                  0);
    expect_queued(0, 0);
}
#endif

} // namespace
} // namespace ipcdev::conformance
