// SPDX-License-Identifier: MIT
//
// Reads and writes: how they begin, wait and end.
#include <algorithm>
#include <utility>

#include "model.h"

namespace ipcdev::test {

namespace {

constexpr std::uint64_t longest_batch = std::uint64_t{124} * 1024; // of one call

} // namespace

void Model::read(const Input& input, Outcome& outcome) {
    const Call call{
        .client = input.client, .user = input.user, .batch = input.batch, .count = input.count};
    const bool fits = input.count >= framed(settings_.max_message) && input.count <= longest_batch;
    if (input.count == 0) {
        outcome.completions.push_back({.client = input.client});
    } else if (input.batch && !fits) {
        outcome.completions.push_back({.client = input.client, .error = EMSGSIZE});
    } else if (queue_.empty()) {
        park(input, readers_, call, outcome);
    } else if (too_many(input.user, true)) {
        outcome.completions.push_back({.client = input.client, .error = ENOBUFS});
    } else {
        give(call, outcome);
    }
}

void Model::write(const Input& input, Outcome& outcome) {
    const auto payloads = payloads_of(input);
    const std::uint64_t bytes = bytes_of(input);
    const bool fits = std::all_of(payloads.begin(), payloads.end(), [&](const auto& payload) {
        return payload.size() <= settings_.max_message;
    });
    Call call{
        .client = input.client, .user = input.user, .batch = input.batch, .message = numbers_ + 1};
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

void Model::serve(Outcome& outcome) {
    serve_readers(outcome);
    while (!writers_.empty() && has_room() && queue(writers_.front())) {
        outcome.completions.push_back(completion_of(writers_.front()));
        writers_.pop_front();
    }
}

void Model::serve_readers(Outcome& outcome) {
    while (!readers_.empty() && !queue_.empty()) {
        give(readers_.front(), outcome);
        readers_.pop_front();
    }
}

void Model::give(const Call& call, Outcome& outcome) {
    if (call.batch) {
        return give_frames(call, outcome);
    }
    Bytes& front = queue_.front();
    Bytes bytes = front;
    const auto done =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(call.count, front.text.size()));
    if (settings_.mode == Mode::fifo && done < front.text.size()) {
        bytes.text.resize(done);
        front.text.erase(0, done);
        front.begin += done;
    } else {
        queue_.pop_front();
    }
    outcome.completions.push_back(
        {.client = call.client,
         .done = done,
         .text = bytes.text.substr(0, done),
         .message = bytes.message,
         .begin = bytes.begin,
         .end = bytes.begin + static_cast<std::uint32_t>(bytes.text.size())});
    copies_.emplace(call.client,
                    Copy{.user = call.user, .taken = {std::move(bytes)}, .done = done});
}

void Model::give_frames(const Call& call, Outcome& outcome) {
    Completion ended{.client = call.client};
    Copy copy{.user = call.user};
    while (!queue_.empty() && ended.done + framed(queue_.front().text.size()) <= call.count) {
        const Bytes& bytes = copy.taken.emplace_back(std::move(queue_.front()));
        queue_.pop_front();
        const std::size_t size = bytes.text.size();
        ended.done += static_cast<std::uint32_t>(framed(size));
        copy.done += size;
        ended.frames.push_back({.message = bytes.message,
                                .begin = bytes.begin,
                                .end = bytes.begin + static_cast<std::uint32_t>(size),
                                .text = bytes.text,
                                .remainder = size != lives_.at(bytes.message).size});
    }
    outcome.completions.push_back(std::move(ended));
    copies_.emplace(call.client, std::move(copy));
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
    if (settings_.mode == Mode::slot) {
        drop_queue(Fate::overwritten);
    }
    queue_.push_back({.message = message, .text = text, .fresh = true});
    lives_[message] = {.size = text.size(), .left = text.size()};
    newest_ = message;
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
