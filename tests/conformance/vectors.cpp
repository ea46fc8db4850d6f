// SPDX-License-Identifier: MIT
//
// readv by vectors so long that a daemon gets each call in parts, by several
// threads and processes that share one open: each call gets bytes of one message.
#include <sys/uio.h>

#include <algorithm>

#include <unistd.h>

#include "device_test.h"
#include "options.h"

namespace ipcdev::conformance {
namespace {

constexpr std::size_t segment_bytes = 100;
constexpr std::size_t segments = 600; // a part has 256 at most
constexpr char last = 'z'; // each message is of one letter; of this one, it ends a reader

// Reads until it gets the last letter. The result: how many calls got two letters.
Outcome read_by_long_vectors(const Call& call) {
    std::string text(segments * segment_bytes, '\0');
    std::vector<iovec> vector;
    for (std::size_t at = 0; at < text.size(); at += segment_bytes) {
        vector.push_back({.iov_base = &text[at], .iov_len = segment_bytes});
    }
    Outcome mixed;
    for (bool ended = false; !ended;) {
        const ssize_t got = readv(call.fd, vector.data(), static_cast<int>(vector.size()));
        if (got <= 0) {
            return outcome(got == 0 ? -2 : -1);
        }
        const auto end = text.begin() + got;
        mixed.result +=
            std::find_if(text.begin(), end, [&](char c) { return c != text[0]; }) != end;
        ended = std::find(text.begin(), end, last) != end;
    }
    return mixed;
}

// numbers[0] messages, of sizes that end in the second part of a read, or in the third.
Outcome write_letters(const Call& call) {
    for (std::int64_t i = 0; i < call.numbers[0]; ++i) {
        const auto bytes = static_cast<std::size_t>(26'000 + i * 7919 % 39'000);
        const std::string message(bytes, static_cast<char>('a' + i % (last - 'a')));
        if (const ssize_t written = write(call.fd, message.data(), bytes);
            written != static_cast<ssize_t>(bytes)) {
            return outcome(written);
        }
    }
    return {};
}

class Vectors : public DeviceTest {
  protected:
    // All of them read, while messages come, until there are none.
    void expect_no_call_with_bytes_of_two_messages(const std::vector<Client*>& readers);
};

void Vectors::expect_no_call_with_bytes_of_two_messages(const std::vector<Client*>& readers) {
    const auto messages = static_cast<std::int64_t>(2000 / options().slowness);
    expect_result(d.run(write_letters, {Client::own, {messages}, {}, -1}), 0);
    for ([[maybe_unused]] const Client* reader : readers) {
        observer().wait_until([](const ipcdev_info& now) { return now.queued_messages == 0; },
                              "all is read");
        write_ok(d, std::string(1, last));
    }
    for (Client* reader : readers) {
        const Outcome mixed = reader->result();
        if (mixed.result != 0) {
            fail(reader->name() + ": " + mixed.text() + " calls with bytes of two messages",
                 Where::here());
        }
    }
}

TEST_F(Vectors, OfThreadsThatShareADescriptorGetBytesOfOneMessageEach) {
    contract("R2");
    become_fifo(16, IPCDEV_MESSAGE_MAX);
    open_ok(a);
    Client second = a.thread("a's second thread");
    Client third = a.thread("a's third thread");
    const auto duplicate = static_cast<int>(a.dup().result);
    a.start(read_by_long_vectors);
    second.start(read_by_long_vectors, {a.fd(), {}, {}, -1});
    third.start(read_by_long_vectors, {duplicate, {}, {}, -1});
    expect_no_call_with_bytes_of_two_messages({&a, &second, &third});
}

TEST_F(Vectors, OfProcessesThatShareAnOpenGetBytesOfOneMessageEach) {
    contract("R2");
    become_fifo(16, IPCDEV_MESSAGE_MAX);
    open_ok(a);
    Client child = a.fork("a's child");
    a.start(read_by_long_vectors);
    child.start(read_by_long_vectors, {a.fd(), {}, {}, -1});
    expect_no_call_with_bytes_of_two_messages({&a, &child});
}

TEST_F(Vectors, OfOneThreadThatReadsTwoOpensInTurnGetBytesOfOneMessageEach) {
    contract("R2");
    become_fifo(4, IPCDEV_MESSAGE_MAX);
    open_ok(a);
    const int first = a.fd();
    const auto other = static_cast<int>(a.open(O_RDWR).result);
    const std::vector<std::size_t> long_vector(segments, segment_bytes);
    for (const int fd : {first, other, first, other}) {
        const std::string message = pattern(40'000, static_cast<unsigned>(fd));
        write_ok(d, message);
        write_ok(d, "next");
        const Outcome done = a.readv(long_vector, fd);
        EXPECT_EQ(done.bytes, message.substr(0, done.bytes.size()));
        std::string rest = done.bytes;
        while (rest.size() < message.size()) {
            rest += a.read(whole_message, fd).bytes;
        }
        EXPECT_EQ(rest, message);
        expect_read(b, "next");
    }
}

} // namespace
} // namespace ipcdev::conformance
