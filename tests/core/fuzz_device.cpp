// SPDX-License-Identifier: MIT
//
// libFuzzer: bytes become a device and a life of it, under the laws of the
// ledger. Every sequence of bytes makes sense: what a byte means depends on what
// its client is doing.
//
// A breach is printed as a scenario. For an input that crashes the core before
// that, IPCDEV_FUZZ_PRINT=1 prints every input before it is done.
#include <cstdio>
#include <cstdlib>

#include "engine_under_test.h"
#include "ledger.h"
#include "scenario_text.h"
#include "trace_words.h"

namespace ipcdev::test {

namespace {

constexpr std::size_t clients = 6; // more copies of one message at a time than a walk has
constexpr std::size_t opens = 3;

class Bytes {
  public:
    Bytes(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

    [[nodiscard]] bool empty() const { return at_ == end_; }
    std::uint8_t next() { return empty() ? std::uint8_t{0} : *at_++; }
    std::uint32_t below(std::uint32_t limit) { return next() % limit; }

  private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
};

Settings settings_of(Bytes& bytes) {
    constexpr Mode modes[] = {Mode::slot, Mode::fifo, Mode::fifo, Mode::ring};
    Settings settings{.mode = modes[bytes.below(std::size(modes))]};
    settings.depth = settings.mode == Mode::slot ? 1 : 1 + bytes.below(4);
    settings.max_message = 1 + bytes.below(8);
    return settings;
}

// Seldom those of a real device, which so few clients never reach.
Limits limits_of(Bytes& bytes) {
    if (bytes.below(8) == 0) {
        return {};
    }
    return {.operations = 1 + bytes.below(clients),
            .per_user = 1 + bytes.below(clients),
            .copies = 1 + bytes.below(3)};
}

Input configure_of(Bytes& bytes) {
    constexpr std::uint32_t max_messages[] = {0, 1, 3, 9, IPCDEV_MESSAGE_MAX + 1};
    constexpr std::uint32_t depths[] = {0, 1, 2, 5, IPCDEV_DEPTH_MAX + 1};
    return {.verb = Verb::configure,
            .change = {.mode = bytes.below(5),
                       .depth = depths[bytes.below(std::size(depths))],
                       .max_message = max_messages[bytes.below(std::size(max_messages))]}};
}

// Every byte of a message differs from its neighbours and from those of the last.
std::string payload_of(std::uint32_t size, std::size_t step) {
    std::string text;
    for (std::uint32_t at = 0; at < size; ++at) {
        text += static_cast<char>('!' + (step * 7 + at) % 90);
    }
    return text;
}

// Room for no frame, one, or a few.
Input batch_read_of(Bytes& bytes, const Ledger& ledger) {
    constexpr std::uint32_t most = 100;
    const std::uint64_t least = framed(ledger.settings().max_message);
    const std::uint8_t kind = bytes.next();
    return {.verb = Verb::read,
            .count = kind == 0 ? IPCDEV_BATCH_BYTES_MAX + 1 : least - 1 + kind % most,
            .batch = true};
}

Input batch_write_of(Bytes& bytes, const Ledger& ledger, std::size_t step) {
    Input input{.verb = Verb::write, .batch = true};
    for (std::uint32_t left = bytes.below(6); left > 0; --left) {
        const std::uint32_t size = 1 + bytes.below(ledger.settings().max_message);
        const bool too_long = bytes.below(16) == 0;
        input.frames.push_back(payload_of(size + (too_long ? 8 : 0), step + left));
    }
    return input;
}

Input plain_call_of(Bytes& bytes, const Ledger& ledger, bool reads, std::size_t step) {
    const std::uint32_t size = bytes.below(ledger.settings().max_message + 2);
    return reads ? Input{.verb = Verb::read, .count = size}
                 : Input{.verb = Verb::write, .payload = payload_of(size, step)};
}

Input call_of(Bytes& bytes, const Ledger& ledger, std::size_t client, std::size_t step) {
    const std::uint8_t kind = bytes.next();
    const bool reads = kind % 2 == 0;
    const bool batch = kind % 4 >= 2;
    Input input = !batch  ? plain_call_of(bytes, ledger, reads, step)
                  : reads ? batch_read_of(bytes, ledger)
                          : batch_write_of(bytes, ledger, step);
    input.client = client;
    input.open = bytes.below(opens);
    input.nonblocking = kind % 16 >= 13;
    input.user = kind / 16U % 3;
    return input;
}

Input open_or_close_of(Bytes& bytes, const Ledger& ledger) {
    const std::size_t open = bytes.below(opens);
    return {.verb = !ledger.is_open(open)  ? Verb::open
                    : ledger.is_busy(open) ? Verb::clear
                                           : Verb::close,
            .open = open};
}

Input input_of(Bytes& bytes, const Ledger& ledger, std::size_t step) {
    const std::uint8_t choice = bytes.next();
    const std::size_t client = choice % clients;
    const unsigned kind = choice / clients;
    switch (ledger.clients()[client].doing) {
    case Ledger::Doing::copying:
        return {.verb = kind == 0       ? Verb::cancel
                        : kind % 2 == 0 ? Verb::fault
                                        : Verb::copied,
                .client = client};
    case Ledger::Doing::parked:
        return {.verb = Verb::cancel, .client = client, .error = kind % 2 == 0 ? EINTR : ENODEV};
    default:
        break;
    }
    switch (kind) {
    case 0:
        return {.verb = Verb::cancel, .client = client};
    case 1:
    case 2:
        return open_or_close_of(bytes, ledger);
    case 3:
        return configure_of(bytes);
    case 4:
    case 5:
        return {.verb = Verb::clear};
    default:
        break;
    }
    const Input call = call_of(bytes, ledger, client, step);
    return ledger.is_open(call.open) ? call : Input{.verb = Verb::open, .open = call.open};
}

void live(Bytes& bytes) {
    static const bool prints = std::getenv("IPCDEV_FUZZ_PRINT") != nullptr;
    const Settings settings = settings_of(bytes);
    const Limits limits = limits_of(bytes);
    const std::unique_ptr<Engine> engine = make_engine_under_test(settings, limits);
    Ledger ledger(settings, clients, limits);
    std::vector<Input> inputs;
    Outcome outcome;
    Snapshot now;
    while (!bytes.empty()) {
        inputs.push_back(input_of(bytes, ledger, inputs.size()));
        const Input& input = inputs.back();
        if (prints) {
            std::fprintf(stderr, "%s\n", input_text(input, Names()).c_str());
        }
        engine->apply(input, outcome);
        engine->look(now);
        std::optional<std::string> breach = ledger.follow(input, outcome, now);
        if (const std::string complaint = engine->complaint(); !complaint.empty()) {
            breach = complaint;
        }
        if (breach) {
            std::fputs(
                scenario_text(*breach, settings, limits, inputs, make_engine_under_test).c_str(),
                stderr);
            std::abort();
        }
    }
}

} // namespace

} // namespace ipcdev::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ipcdev::test::Bytes bytes(data, size);
    ipcdev::test::live(bytes);
    return 0;
}
