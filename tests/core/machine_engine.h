// SPDX-License-Identifier: MIT
//
// A state machine behind the Engine interface, whatever language it is written
// in. Machine names its types:
//
//   Account, Message,
//   Piece, Open, Request      what the caller owns
//   Effects                   .budget, .completed, .retired_messages, .retired_pieces with
//                             pop_front(), .became_readable, .became_writable
//   Device                    with the members of ipcdev::Device that are used here
//   error_of(request)         0 or a positive errno
//   pieces_of(request)        what a batch read took
//   begun_by(open)            pieces
//   readers_of(open)          requests that are parked
//   is_read(request)
//   is_copying(request)       the device still has frames to finish
//
// Owns what a transport owns (requests, payloads, spare pieces). Order of one
// input: the device is called, its effects are drained, then what it gave back is
// freed; so for each of its steps, each message an allocation of its own, so that a sanitizer sees
// a late use. What a client is doing is known from the completions alone, not from the state that
// the device keeps in the request. When the engine goes, it ends all that is under way, as a
// transport does.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <stdexcept>
#include <utility>

#include "engine.h"

namespace ipcdev::test {

template <class Machine> class MachineEngine final : public Engine {
  public:
    MachineEngine(const Settings& settings, const Limits& limits, std::uint32_t budget)
        : budget_(budget), device_(settings, limits) {
        constexpr std::size_t few = 16; // as many as most tests have at a time
        buffers_.reserve(few);
        spares_.reserve(few);
    }
    MachineEngine(const MachineEngine&) = delete;
    MachineEngine& operator=(const MachineEngine&) = delete;
    ~MachineEngine() override { end_everything(); }

    void apply(const Input& input, Outcome& outcome) override;
    [[nodiscard]] PollMask mask(std::size_t open) const override;
    void look(Snapshot& snapshot) const override;
    void look_inside(Inside& inside) const override;

  private:
    using Effects = typename Machine::Effects;

    struct Buffer : Machine::Message {
        Buffer(std::string bytes, std::uint32_t its_number)
            : Machine::Message(static_cast<std::uint32_t>(bytes.size())), payload(std::move(bytes)),
              number(its_number) {}

        const std::string payload;
        const std::uint32_t number;
        std::size_t place = 0; // in buffers_
    };

    struct Spare : Machine::Piece {
        std::size_t place = 0; // in spares_
    };

    struct Client {
        enum class Doing : std::uint8_t { nothing, call, copy };

        typename Machine::Request request;
        Doing doing = Doing::nothing;
        std::size_t open = 0;      // by which its call is
        std::uint32_t message = 0; // write: number of its first
    };

    // A list of owners from which any can be dropped at once: each knows its place.
    template <typename T> static T& keep(std::vector<std::unique_ptr<T>>& owners, T* owned) {
        owned->place = owners.size();
        owners.emplace_back(owned);
        return *owned;
    }

    template <typename T>
    static void drop(std::vector<std::unique_ptr<T>>& owners, std::size_t place) {
        owners.back()->place = place;
        std::swap(owners[place], owners.back());
        owners.pop_back();
    }

    template <typename Request> static std::size_t client_of(const Request& request) {
        return static_cast<const typename Machine::Request&>(request).id;
    }

    void open(std::size_t number);
    void close(std::size_t number, Effects& effects);
    Client& client(std::size_t index);
    Client& caller(const Input& call);
    typename Machine::Account& account(std::size_t user);
    void read(const Input& input, Effects& effects);
    void write(const Input& input, Effects& effects);
    void bring(Client& client, const Input& input);
    void copied(Client& client, Effects& effects, Outcome& outcome);
    void finish_copy(Client& client, Effects& effects, Outcome& outcome);
    void fault(Client& client, Effects& effects);
    void drain(Effects& effects, Outcome& outcome);
    void go_on(Outcome& outcome);
    void finish(Client& client, Outcome& outcome);
    void finish_write(Client& client, Completion& completion);
    void finish_read(Client& client, Completion& completion);
    void end_everything();

    const std::uint32_t budget_;                                // of a step
    std::vector<std::unique_ptr<Buffer>> buffers_;              // all that are not freed yet
    std::vector<std::unique_ptr<Spare>> spares_;                // all that are not freed yet
    std::deque<Client> clients_;                                // a Request may not move
    std::map<std::size_t, typename Machine::Account> accounts_; // by user
    std::map<std::size_t, typename Machine::Open> opens_;       // by number; those that are open
    const typename Machine::Open nothing_begun_{};
    Effects effects_;                 // of the step that is done now; a test may undo it
    std::uint32_t messages_ = 0;      // that writes brought so far
    typename Machine::Device device_; // goes first: its lists hold the others
};

template <class Machine> void MachineEngine<Machine>::apply(const Input& input, Outcome& outcome) {
    outcome.completions.clear();
    outcome.retired.clear();
    outcome.spares_returned = 0;
    outcome.cancelled = false;
    outcome.error = 0;
    outcome.became_readable = false;
    outcome.became_writable = false;
    Effects& effects = effects_;
    effects.budget = budget_;
    effects.became_readable = false;
    effects.became_writable = false;
    switch (input.verb) {
    case Verb::open:
        open(input.open);
        break;
    case Verb::close:
        close(input.open, effects);
        break;
    case Verb::read:
        read(input, effects);
        break;
    case Verb::write:
        write(input, effects);
        break;
    case Verb::cancel:
        outcome.cancelled = device_.cancel(client(input.client).request, input.error, effects);
        break;
    case Verb::copied:
        copied(client(input.client), effects, outcome);
        break;
    case Verb::fault:
        fault(client(input.client), effects);
        break;
    case Verb::clear:
        device_.clear(effects);
        break;
    case Verb::configure:
        outcome.error = device_.configure(input.change);
        break;
    }
    drain(effects, outcome);
    go_on(outcome);
    if (input.verb == Verb::close) {
        opens_.erase(input.open);
    }
    const bool calls = input.verb == Verb::read || input.verb == Verb::write;
    outcome.parked = calls && client(input.client).doing == Client::Doing::call;
}

template <class Machine> void MachineEngine<Machine>::look(Snapshot& snapshot) const {
    snapshot.settings = device_.settings();
    snapshot.gauges = device_.gauges();
    snapshot.statistics = device_.statistics();
    snapshot.mask = mask(no_open);
    const auto queued = [](const auto& piece) {
        const auto& buffer = static_cast<const Buffer&>(*piece.slice.message);
        return Queued{.message = buffer.number,
                      .begin = piece.slice.begin,
                      .end = piece.slice.end,
                      .spare = &piece != &buffer.whole};
    };
    snapshot.queue.clear();
    for (const auto& piece : device_.queue()) {
        snapshot.queue.push_back(queued(piece));
    }
    snapshot.masks.clear();
    snapshot.begun.clear();
    snapshot.open_readers.clear();
    for (const auto& [number, open] : opens_) {
        snapshot.masks.push_back({.open = number, .mask = device_.poll_mask(open)});
        for (const auto& piece : Machine::begun_by(open)) {
            snapshot.begun.push_back({.open = number, .what = queued(piece)});
        }
        for (const auto& request : Machine::readers_of(open)) {
            snapshot.open_readers.push_back({.open = number, .client = client_of(request)});
        }
    }
    snapshot.readers.clear();
    for (const auto& request : device_.readers()) {
        snapshot.readers.push_back(client_of(request));
    }
    snapshot.writers.clear();
    for (const auto& request : device_.writers()) {
        snapshot.writers.push_back(client_of(request));
    }
    snapshot.shares.clear();
    for (const auto& [user, account] : accounts_) {
        if (account.parked != 0 || account.copies != 0) {
            snapshot.shares.push_back(
                {.user = user, .parked = account.parked, .copies = account.copies});
        }
    }
}

template <class Machine> void MachineEngine<Machine>::look_inside(Inside& inside) const {
    inside.cleared_through = device_.cleared_through();
    inside.messages.clear();
    for (const auto& buffer : buffers_) {
        inside.messages.push_back({.message = buffer->number,
                                   .sequence = buffer->sequence,
                                   .queued = buffer->queued,
                                   .begun = buffer->begun,
                                   .copying = buffer->copying});
    }
    std::sort(inside.messages.begin(), inside.messages.end(),
              [](const auto& a, const auto& b) { return a.message < b.message; });
}

template <class Machine> PollMask MachineEngine<Machine>::mask(std::size_t number) const {
    const auto open = opens_.find(number);
    return device_.poll_mask(open == opens_.end() ? nothing_begun_ : open->second);
}

template <class Machine> void MachineEngine<Machine>::open(std::size_t number) {
    const auto [open, is_new] = opens_.try_emplace(number);
    if (!is_new) {
        throw std::logic_error("open of what is open");
    }
    device_.open(open->second);
}

template <class Machine> void MachineEngine<Machine>::close(std::size_t number, Effects& effects) {
    const auto open = opens_.find(number);
    if (open == opens_.end()) {
        throw std::logic_error("close of what is not open");
    }
    for (const Client& client : clients_) {
        if (client.doing != Client::Doing::nothing && client.open == number) {
            throw std::logic_error("close while a call is parked or being copied");
        }
    }
    device_.release(open->second, effects);
}

template <class Machine>
typename MachineEngine<Machine>::Client& MachineEngine<Machine>::client(std::size_t index) {
    while (clients_.size() <= index) {
        const std::size_t id = clients_.size();
        clients_.emplace_back().request.id = id;
    }
    return clients_[index];
}

template <class Machine>
typename Machine::Account& MachineEngine<Machine>::account(std::size_t user) {
    const auto [known, is_new] = accounts_.try_emplace(user);
    if (is_new) {
        known->second.privileged = user == 0;
    }
    return known->second;
}

// The client of that call, with a request that has all but the messages of a write.
template <class Machine>
typename MachineEngine<Machine>::Client& MachineEngine<Machine>::caller(const Input& call) {
    Client& client = this->client(call.client);
    const auto open = opens_.find(call.open);
    if (client.doing != Client::Doing::nothing) {
        throw std::logic_error("a call by a client that is busy");
    }
    if (open == opens_.end()) {
        throw std::logic_error("a call by what is not open");
    }
    client.doing = Client::Doing::call;
    client.open = call.open;
    client.request.account = &account(call.user);
    client.request.open = &open->second;
    client.request.bytes = bytes_of(call);
    client.request.batch = call.batch;
    client.request.nonblocking = call.nonblocking;
    client.request.message = nullptr;
    return client;
}

template <class Machine> void MachineEngine<Machine>::read(const Input& input, Effects& effects) {
    device_.submit_read(caller(input).request, effects);
}

template <class Machine> void MachineEngine<Machine>::write(const Input& input, Effects& effects) {
    Client& client = caller(input);
    bring(client, input);
    device_.submit_write(client.request, effects);
}

// The messages of the write, linked one to the next, unless one is too long.
template <class Machine> void MachineEngine<Machine>::bring(Client& client, const Input& input) {
    auto& request = client.request;
    const std::span<const std::string> payloads = payloads_of(input);
    std::uint64_t largest = 0;
    for (const std::string& payload : payloads) {
        if (input.batch && payload.empty()) {
            throw std::logic_error("a frame of 0 bytes, which a transport refuses");
        }
        largest = std::max<std::uint64_t>(largest, payload.size());
    }
    request.largest = input.batch ? largest : 0;
    client.message = messages_ + 1;
    auto* end = &request.message;
    for (const std::string& payload : payloads) {
        ++messages_;
        if (!payload.empty() && largest <= device_.settings().max_message) {
            Buffer& buffer = keep(buffers_, new Buffer(payload, messages_));
            *end = &buffer;
            end = &buffer.next;
        }
    }
}

template <class Machine>
void MachineEngine<Machine>::copied(Client& client, Effects& effects, Outcome& outcome) {
    if (client.doing != Client::Doing::copy) {
        throw std::logic_error("no copy is under way");
    }
    client.doing = Client::Doing::nothing;
    finish_copy(client, effects, outcome);
}

template <class Machine>
void MachineEngine<Machine>::finish_copy(Client& client, Effects& effects, Outcome& outcome) {
    device_.copy_done(client.request, effects);
    while (Machine::is_copying(client.request)) {
        drain(effects, outcome);
        effects.budget = budget_;
        device_.copy_done(client.request, effects);
    }
}

template <class Machine> void MachineEngine<Machine>::fault(Client& client, Effects& effects) {
    if (client.doing != Client::Doing::copy) {
        throw std::logic_error("no copy is under way");
    }
    client.doing = Client::Doing::nothing;
    device_.put_back(client.request, keep(spares_, new Spare), effects);
}

template <class Machine> void MachineEngine<Machine>::drain(Effects& effects, Outcome& outcome) {
    while (auto* request = effects.completed.pop_front()) {
        finish(clients_[client_of(*request)], outcome);
    }
    while (auto* message = effects.retired_messages.pop_front()) {
        auto& buffer = static_cast<Buffer&>(*message);
        outcome.retired.push_back(buffer.number);
        drop(buffers_, buffer.place);
    }
    while (auto* piece = effects.retired_pieces.pop_front()) {
        ++outcome.spares_returned;
        drop(spares_, static_cast<Spare&>(*piece).place);
    }
    outcome.became_readable |= effects.became_readable;
    outcome.became_writable |= effects.became_writable;
}

// The steps that are left of the input.
template <class Machine> void MachineEngine<Machine>::go_on(Outcome& outcome) {
    while (device_.under_way()) {
        effects_.budget = budget_;
        effects_.became_readable = false;
        effects_.became_writable = false;
        device_.go_on(effects_);
        drain(effects_, outcome);
    }
}

// The call ended: what the transport would answer, and what it frees then.
template <class Machine> void MachineEngine<Machine>::finish(Client& client, Outcome& outcome) {
    auto& request = client.request;
    const bool is_read = Machine::is_read(request);
    Completion& completion = outcome.completions.emplace_back();
    completion.client = request.id;
    completion.operation = is_read ? Operation::read : Operation::write;
    completion.error = Machine::error_of(request);
    completion.done = request.done;
    client.doing = Client::Doing::nothing;
    if (!is_read) {
        finish_write(client, completion);
    } else if (completion.error == 0 && request.done != 0) {
        client.doing = Client::Doing::copy;
        finish_read(client, completion);
    }
}

template <class Machine>
void MachineEngine<Machine>::finish_write(Client& client, Completion& completion) {
    completion.message = client.message;
    while (client.request.message != nullptr) {
        auto& buffer = static_cast<Buffer&>(*client.request.message);
        client.request.message = buffer.next;
        ++completion.kept;
        drop(buffers_, buffer.place);
    }
}

template <class Machine>
void MachineEngine<Machine>::finish_read(Client& client, Completion& completion) {
    const auto& request = client.request;
    if (!request.batch) {
        const auto& buffer = static_cast<const Buffer&>(*request.taken.message);
        completion.text = buffer.payload.substr(request.taken.begin, request.done);
        completion.message = buffer.number;
        completion.begin = request.taken.begin;
        completion.end = request.taken.end;
        return;
    }
    for (const auto& piece : Machine::pieces_of(request)) {
        const auto& buffer = static_cast<const Buffer&>(*piece.slice.message);
        const std::uint32_t size = piece.slice.end - piece.slice.begin;
        completion.frames.push_back({.message = buffer.number,
                                     .begin = piece.slice.begin,
                                     .end = piece.slice.end,
                                     .text = buffer.payload.substr(piece.slice.begin, size),
                                     .remainder = size < buffer.size,
                                     .spare = &piece != &buffer.whole});
    }
}

template <class Machine> void MachineEngine<Machine>::end_everything() {
    Effects& effects = effects_;
    Outcome outcome;
    effects.budget = unlimited;
    for (Client& client : clients_) {
        device_.cancel(client.request, ENODEV, effects);
    }
    drain(effects, outcome);
    for (Client& client : clients_) {
        if (client.doing == Client::Doing::copy) {
            finish_copy(client, effects, outcome);
        }
    }
    for (auto& [number, open] : opens_) {
        device_.release(open, effects);
        drain(effects, outcome);
    }
    device_.clear(effects);
    drain(effects, outcome);
}

} // namespace ipcdev::test
