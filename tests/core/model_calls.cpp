// SPDX-License-Identifier: MIT
//
// Reads and writes: how they begin, wait and end.
#include <algorithm>
#include <iterator>
#include <utility>

#include "model.h"

namespace ipcdev::test {

namespace {

constexpr std::uint64_t longest_batch = std::uint64_t{124} * 1024; // of one call

} // namespace

void Model::read(const Input& input, Outcome& outcome) {
    const Call call{.client = input.client,
                    .open = input.open,
                    .user = input.user,
                    .batch = input.batch,
                    .count = input.count};
    const bool fits = input.count >= framed(settings_.max_message) && input.count <= longest_batch;
    if (input.count == 0) {
        outcome.completions.push_back({.client = input.client});
    } else if (input.batch && !fits) {
        outcome.completions.push_back({.client = input.client, .error = EMSGSIZE});
    } else if (queue_.empty() && !has_begun(input.open)) {
        park(input, readers_, call, outcome);
    } else if (too_many(input.user, true)) {
        outcome.completions.push_back({.client = input.client, .error = ENOBUFS});
    } else {
        give(call, true, outcome);
    }
}

void Model::write(const Input& input, Outcome& outcome) {
    const auto payloads = payloads_of(input);
    const std::uint64_t bytes = bytes_of(input);
    const bool fits = std::all_of(payloads.begin(), payloads.end(), [&](const auto& payload) {
        return payload.size() <= settings_.max_message;
    });
    Call call{.client = input.client,
              .open = input.open,
              .user = input.user,
              .batch = input.batch,
              .message = numbers_ + 1};
    call.waiting.assign(payloads.begin(), payloads.end());
    numbers_ += static_cast<std::uint32_t>(payloads.size());
    Completion ended{.client = input.client, .operation = Operation::write};
    if (bytes == 0) {
        outcome.completions.push_back(ended);
    } else if (!fits || (input.batch && bytes > longest_batch)) {
        ended.error = EMSGSIZE;
        outcome.completions.push_back(ended);
    } else {
        while (has_room()) {
            if (queue(call)) {
                outcome.completions.push_back(completion_of(call));
                return;
            }
            serve_readers(outcome);
        }
        park(input, writers_, call, outcome);
    }
}

// Whether one more that parks, or that is copied, is one too many.
bool Model::too_many(std::size_t user, bool copy) const {
    if (copy && copies_.size() < limits_.copies) {
        return false;
    }
    if (readers_.size() + writers_.size() + copies_.size() >= limits_.operations) {
        return true;
    }
    const auto of_user = [user](const auto& calls) {
        return static_cast<std::size_t>(std::count_if(
            calls.begin(), calls.end(), [user](const Call& call) { return call.user == user; }));
    };
    const auto copied = static_cast<std::size_t>(
        std::count_if(copies_.begin(), copies_.end(),
                      [user](const auto& other) { return other.second.user == user; }));
    const bool few = copy && copied < limits_.copies;
    return user != 0 && !few && of_user(readers_) + of_user(writers_) + copied >= limits_.per_user;
}

void Model::park(const Input& input, std::deque<Call>& calls, const Call& call, Outcome& outcome) {
    const bool reads = &calls == &readers_;
    if (input.nonblocking || too_many(input.user, false)) {
        Completion ended{.client = input.client,
                         .operation = reads ? Operation::read : Operation::write,
                         .error = input.nonblocking ? EAGAIN : ENOBUFS};
        outcome.completions.push_back(call.in == 0 ? ended : completion_of(call));
        return;
    }
    calls.push_back(call);
    ++(reads ? counted_.reader_parks : counted_.writer_parks);
    outcome.parked = true;
}

void Model::cancel(const Input& input, Outcome& outcome) {
    for (std::deque<Call>* calls : {&readers_, &writers_}) {
        const auto is = [&](const Call& call) { return call.client == input.client; };
        const auto call = std::find_if(calls->begin(), calls->end(), is);
        if (call == calls->end()) {
            continue;
        }
        Completion ended{.client = input.client,
                         .operation = calls == &readers_ ? Operation::read : Operation::write,
                         .error = input.error};
        outcome.completions.push_back(call->in == 0 ? ended : completion_of(*call));
        outcome.cancelled = true;
        counted_.interrupted += input.error == EINTR ? 1 : 0;
        calls->erase(call);
    }
}

// Each time there is room readers come first: they may make more of it.
void Model::serve(Outcome& outcome) {
    for (serve_readers(outcome); !writers_.empty() && has_room(); serve_readers(outcome)) {
        if (queue(writers_.front())) {
            outcome.completions.push_back(completion_of(writers_.front()));
            writers_.pop_front();
        }
    }
}

void Model::serve_readers(Outcome& outcome) {
    for (auto next = next_reader(); next != readers_.end(); next = next_reader()) {
        const Call call = *next;
        const bool in_turn = next == readers_.begin();
        readers_.erase(next);
        give(call, in_turn, outcome);
        served_.push_back(call.open);
    }
}

// What an open has begun is for its own reads alone, whoever came before them.
std::deque<Model::Call>::iterator Model::next_reader() {
    const auto next = std::find_if(readers_.begin(), readers_.end(),
                                   [this](const Call& call) { return has_begun(call.open); });
    return next == readers_.end() && !queue_.empty() ? readers_.begin() : next;
}

// A read that is not in turn gets nothing of the queue: others came before it.
void Model::give(const Call& call, bool in_turn, Outcome& outcome) {
    if (call.batch) {
        return give_frames(call, in_turn, outcome);
    }
    const Stretch taken = take(call.open, call.count);
    outcome.completions.push_back({.client = call.client,
                                   .done = taken.size(),
                                   .text = text_of(taken),
                                   .message = taken.message,
                                   .begin = taken.begin,
                                   .end = taken.end});
    copies_[call.client] = {.open = call.open, .user = call.user, .taken = {taken}};
}

void Model::give_frames(const Call& call, bool in_turn, Outcome& outcome) {
    Completion ended{.client = call.client};
    Copy copy{.open = call.open, .user = call.user};
    while (has_begun(call.open) || (in_turn && !queue_.empty())) {
        const std::uint32_t size = next_for(call.open).size();
        if (ended.done + framed(size) > call.count) {
            break;
        }
        const Stretch taken = take(call.open, size);
        copy.taken.push_back(taken);
        ended.done += static_cast<std::uint32_t>(framed(size));
        ended.frames.push_back({.message = taken.message,
                                .begin = taken.begin,
                                .end = taken.end,
                                .text = text_of(taken),
                                .remainder = size != lives_.at(taken.message).text.size()});
    }
    outcome.completions.push_back(std::move(ended));
    copies_[call.client] = std::move(copy);
}

const Model::Stretch& Model::next_for(std::size_t open) const {
    return has_begun(open) ? opens_.at(open).front() : queue_.front();
}

// The next bytes that are for a read of that open, as many as it wants.
Model::Stretch Model::take(std::size_t open, std::uint64_t bytes) {
    Stretches& begun = opens_.at(open);
    if (begun.empty()) {
        begin(begun);
    }
    Stretch taken = begun.front();
    taken.end =
        taken.begin + static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, taken.size()));
    begun.front().begin = taken.end;
    if (begun.front().size() == 0) {
        begun.pop_front();
    }
    return taken;
}

// All of the message at the head leaves the queue.
void Model::begin(Stretches& begun) {
    const std::uint32_t message = queue_.front().message;
    const auto is_of_it = [message](const Stretch& stretch) { return stretch.message == message; };
    std::copy_if(queue_.begin(), queue_.end(), std::back_inserter(begun), is_of_it);
    std::erase_if(queue_, is_of_it);
}

// As much of a write as there is room for. Whether that was the last of it.
bool Model::queue(Call& call) {
    while (!call.waiting.empty() && has_room()) {
        const std::string text = call.waiting.front();
        call.waiting.pop_front();
        queue(call.message + static_cast<std::uint32_t>(call.in++), text);
        call.done += static_cast<std::uint32_t>(call.batch ? framed(text.size()) : text.size());
    }
    return call.waiting.empty();
}

void Model::queue(std::uint32_t message, const std::string& text) {
    if (settings_.mode != Mode::fifo && queued_messages() == settings_.depth) {
        overwrite_oldest();
    }
    queue_.push_back(
        {.message = message, .end = static_cast<std::uint32_t>(text.size()), .fresh = true});
    lives_[message] = {.text = text, .left = text.size()};
    ++counted_.messages_written;
    counted_.bytes_written += text.size();
}

Completion Model::completion_of(const Call& write) {
    return {.client = write.client,
            .operation = Operation::write,
            .done = write.done,
            .message = write.message};
}

} // namespace ipcdev::test
