// SPDX-License-Identifier: MIT
//
// How calls end or park, and the laws for that.
#include <algorithm>

#include "ledger.h"
#include "ledger_breach.h"

namespace ipcdev::test {

namespace {

std::uint64_t largest_of(const Ledger::Client& writer) {
    std::uint64_t largest = 0;
    for (const std::string& payload : writer.payloads) {
        largest = std::max<std::uint64_t>(largest, payload.size());
    }
    return largest;
}

// Whether EMSGSIZE is the answer.
bool is_ill_sized(const Ledger::Client& caller, std::uint32_t max_message) {
    if (caller.bytes == 0) {
        return false;
    }
    if (caller.batch && caller.bytes > IPCDEV_BATCH_BYTES_MAX) {
        return true;
    }
    return caller.operation == Operation::write
               ? largest_of(caller) > max_message
               : caller.batch && caller.bytes < framed(max_message);
}

} // namespace

void Ledger::complete(const Input& input, const Completion& completion) {
    demand(completion.client < clients_.size(), "a call ends that nobody made");
    Client& client = clients_[completion.client];
    demand(client.doing == Doing::calling || client.doing == Doing::parked,
           "only a call that is under way ends");
    demand(client.operation == completion.operation, "a read ends as a read, a write as a write");
    demand(client.doing == Doing::calling || input.verb != Verb::cancel ||
               input.client == completion.client,
           "a cancel ends no other call");
    if (completion.error != 0) {
        fail(input, completion);
    } else if (client.bytes == 0) {
        demand(completion.done == 0, "0 bytes asked for are 0 bytes done");
        client.doing = Doing::nothing;
    } else {
        demand(!is_ill_sized(client, settings_.max_message), "EMSGSIZE outside the limits");
        client.operation == Operation::write ? write(input, completion) : take(input, completion);
    }
}

void Ledger::fail(const Input& input, const Completion& completion) {
    Client& client = clients_[completion.client];
    demand(completion.done == 0, "a call that fails has done nothing");
    if (client.operation == Operation::write) {
        const bool owned = client.bytes > 0 && largest_of(client) <= settings_.max_message;
        demand(client.admitted == 0, "a batch of which a part is in ends with the bytes of that");
        demand(completion.kept == (owned ? client.payloads.size() : 0),
               "a write that fails leaves its messages with the writer");
    }
    if (client.doing == Doing::parked) {
        demand(input.verb == Verb::cancel && input.error == completion.error,
               "a parked call fails only if it is cancelled, and with that error");
        cancelled(completion.client, input.error);
    } else {
        refuse(client, completion);
    }
    client.doing = Doing::nothing;
}

void Ledger::cancelled(std::size_t index, int error) {
    leave_waiting(index);
    counted_.interrupted += error == EINTR ? 1 : 0;
}

// If several errors apply, any of them may be reported.
void Ledger::refuse(const Client& client, const Completion& completion) const {
    const bool reads = client.operation == Operation::read;
    const bool would_park = client.bytes > 0 && (reads ? source(client).empty() : !has_room());
    switch (completion.error) {
    case EMSGSIZE:
        demand(is_ill_sized(client, settings_.max_message), "EMSGSIZE only outside the limits");
        break;
    case EAGAIN:
        demand(client.nonblocking && would_park, "EAGAIN only if non-blocking and it would park");
        break;
    case ENOBUFS:
        demand(client.bytes > 0 && (would_park ? !may_park(client) : reads && !may_copy(client)),
               "ENOBUFS only if it would stay beside the most that may");
        break;
    default:
        throw Breach{"a call failed with error " + std::to_string(completion.error)};
    }
}

void Ledger::write(const Input& input, const Completion& completion) {
    Client& client = clients_[completion.client];
    demand(completion.message == client.message, "a writer's own message is admitted");
    std::size_t messages = 0;
    std::uint64_t bytes = 0;
    while (messages < client.payloads.size() && bytes < completion.done) {
        const std::uint64_t size = client.payloads[messages++].size();
        bytes += client.batch ? framed(size) : size;
    }
    demand(messages > 0 && bytes == completion.done, "a write is of whole messages");
    demand(completion.kept == client.payloads.size() - messages,
           "the device has the messages that it admitted, and no other");
    demand(input.verb != Verb::cancel || messages == client.admitted,
           "a cancelled call reports no more than was done before");
    demand(messages >= client.admitted, "what was admitted is reported");
    while (client.admitted < messages) {
        admit_next(completion.client);
    }
    if (client.doing == Doing::parked && input.verb == Verb::cancel) {
        cancelled(completion.client, input.error);
    } else if (messages < client.payloads.size()) {
        demand(client.doing == Doing::calling && !has_room() &&
                   (client.nonblocking || !may_park(client)),
               "a batch is cut short only if it would park and may not");
    }
    leave_waiting(completion.client);
    client.doing = Doing::nothing;
}

void Ledger::admit_next(std::size_t index) {
    Client& client = clients_[index];
    must_be_next(index);
    if (settings_.mode != Mode::fifo && messages_in_line() == settings_.depth) {
        drop_first(Fate::overwritten);
    }
    demand(has_room(), "a fifo admits up to depth messages");
    const std::string& payload = client.payloads[client.admitted];
    const auto size = static_cast<std::uint32_t>(payload.size());
    const auto number = client.message + static_cast<std::uint32_t>(client.admitted++);
    parcels_.push_back({.number = number, .payload = payload, .left = size});
    line_.push_back({.message = number, .begin = 0, .end = size});
    joined_.push_back(number);
    ++counted_.messages_written;
    counted_.bytes_written += size;
}

// A batch write reports nothing until its last message is admitted. Until then each message
// is admitted as soon as there is room.
void Ledger::let_writers_in(const Input& input) {
    const auto writes = [this](std::size_t client) {
        return clients_[client].operation == Operation::write;
    };
    const auto parked = std::find_if(waiting_.begin(), waiting_.end(), writes);
    const std::size_t index = parked == waiting_.end() ? input.client : *parked;
    const Client& writer = clients_[index];
    if (!writes(index) || (writer.doing != Doing::parked && writer.doing != Doing::calling) ||
        is_ill_sized(writer, settings_.max_message)) {
        return;
    }
    while (writer.admitted + 1 < writer.payloads.size() && has_room()) {
        admit_next(index);
    }
}

void Ledger::take(const Input& input, const Completion& completion) {
    Client& client = clients_[completion.client];
    demand(input.verb != Verb::cancel, "a cancelled call reports no success");
    must_be_next(completion.client);
    demand(client.doing == Doing::parked || may_copy(client), "ENOBUFS beside too many copies");
    if (source(client).empty()) {
        let_writers_in(input);
    }
    demand(!source(client).empty(), "a read gives bytes that wait");
    client.taken.clear();
    client.batch ? take_frames(client, completion) : take_bytes(client, completion);
    if (client.doing == Doing::parked) {
        served_.push_back(client.open);
    }
    leave_waiting(completion.client);
    client.doing = Doing::copying;
}

void Ledger::take_bytes(Client& client, const Completion& completion) {
    const Stretch front = source(client).front();
    const auto most =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(client.bytes, front.size()));
    demand(completion.message == front.message && completion.begin == front.begin,
           "a read gives what its open has begun, else the bytes at the front of the line");
    demand(completion.done == most && completion.end == front.begin + most,
           "a read gives all that fits, of one message");
    demand(completion.text == book(front.message).payload.substr(front.begin, most),
           "a read gives the bytes that were written");
    take_front(client, most);
}

void Ledger::take_frames(Client& client, const Completion& completion) {
    const bool in_turn = is_in_turn(client);
    std::uint64_t left = client.bytes;
    for (const Frame& frame : completion.frames) {
        demand(!source(client).empty(), "a frame gives bytes that wait");
        demand(in_turn || &source(client) != &line_,
               "a batch read out of turn gives what its open has begun, and no more");
        const Stretch front = source(client).front();
        const std::string& payload = book(front.message).payload;
        demand(frame.message == front.message && frame.begin == front.begin &&
                   frame.end == front.end,
               "a frame gives all that waits together, of what is begun or in the line");
        demand(frame.text == payload.substr(front.begin, front.size()),
               "a frame gives the bytes that were written");
        demand(frame.remainder == (front.size() != payload.size()),
               "a frame of a part of a message says so");
        demand(framed(front.size()) <= left, "a batch read gives what fits");
        left -= framed(front.size());
        take_front(client, front.size());
        client.taken.back().spare = frame.spare;
    }
    demand(completion.done == client.bytes - left && !completion.frames.empty(),
           "a batch read counts whole frames");
    demand(source(client).empty() || framed(source(client).front().size()) > left ||
               (!in_turn && &source(client) == &line_),
           "a batch read gives all that fits");
}

// Is no other read parked that came earlier?
bool Ledger::is_in_turn(const Client& reader) const {
    const auto first = std::find_if(waiting_.begin(), waiting_.end(), [this](std::size_t client) {
        return clients_[client].operation == Operation::read;
    });
    return reader.doing != Doing::parked || &clients_[*first] == &reader;
}

// The reader's open begins what is left of the message in the line.
void Ledger::take_front(Client& client, std::uint32_t bytes) {
    std::vector<Stretch>& from = source(client);
    Stretch taken = from.front();
    taken.end = taken.begin + bytes;
    from.front().begin = taken.end;
    if (from.front().size() == 0) {
        from.erase(from.begin());
    }
    client.taken.push_back(taken);
    if (&from == &line_) {
        const auto left =
            std::stable_partition(line_.begin(), line_.end(), [&](const Stretch& stretch) {
                return stretch.message != taken.message;
            });
        opens_[client.open].begun.assign(left, line_.end());
        line_.erase(left, line_.end());
    }
}

// A read of what its open has begun must be the first of that open's reads. Any other must be
// the first of all, and come after those that can have what their own open has begun.
void Ledger::must_be_next(std::size_t index) const {
    const Client& client = clients_[index];
    const bool goes_on = client.operation == Operation::read && !opens_[client.open].begun.empty();
    bool first = true;
    for (const std::size_t other : waiting_) {
        const Client& parked = clients_[other];
        if (parked.operation != client.operation || (goes_on && parked.open != client.open)) {
            continue;
        }
        demand(!first || other == index, client.doing == Doing::parked
                                             ? "parked calls are served in order of arrival"
                                             : "a newcomer never overtakes a parked call");
        demand(goes_on || parked.operation == Operation::write || opens_[parked.open].begun.empty(),
               "what an open has begun goes to its parked reads before others get anything");
        first = false;
    }
}

void Ledger::leave_waiting(std::size_t index) {
    std::erase(waiting_, index);
}

// The call of this input, if it did not end.
void Ledger::stay(const Input& input, const Outcome& outcome) {
    const bool calls = input.verb == Verb::read || input.verb == Verb::write;
    const bool stays = calls && clients_[input.client].doing == Doing::calling;
    demand(outcome.parked == stays, "a call ends or parks");
    if (!stays) {
        return;
    }
    Client& client = clients_[input.client];
    const bool reads = client.operation == Operation::read;
    demand(!client.nonblocking, "a non-blocking call never parks");
    demand(may_park(client), "ENOBUFS beside the most that may stay");
    demand(!is_ill_sized(client, settings_.max_message), "EMSGSIZE outside the limits");
    client.doing = Doing::parked;
    waiting_.push_back(input.client);
    ++(reads ? counted_.reader_parks : counted_.writer_parks);
}

} // namespace ipcdev::test
