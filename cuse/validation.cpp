// SPDX-License-Identifier: MIT
#include "validation.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "operations.h"

namespace ipcdev {

namespace {

// Is it one of the objects that were made there? Its address is not read.
template <typename T> bool is_in(const Places<T>& places, const T* begin, const T* object) {
    const auto offset =
        reinterpret_cast<std::uintptr_t>(object) - reinterpret_cast<std::uintptr_t>(begin);
    return offset % sizeof(T) == 0 && offset / sizeof(T) < places.made();
}

} // namespace

template <typename T, ListHook T::*Hook, typename IsSound>
std::optional<std::size_t> Validation::length(const List<T, Hook>& list, std::size_t most,
                                              IsSound is_sound, std::size_t* looks) const {
    const SharedRange& range = *SharedRange::current();
    const ListHook* const head = &list.head_;
    const ListHook* before = head;
    std::size_t length = 0;
    for (const ListHook* hook = head->next_; hook != head; hook = hook->next_) {
        if (looks != nullptr && (*looks == 0 || --*looks == 0)) {
            return length;
        }
        if (length == most || reinterpret_cast<std::uintptr_t>(hook) % alignof(ListHook) != 0 ||
            !range.has(hook, sizeof(*hook)) || hook->prev_ != before ||
            !is_sound(List<T, Hook>::owner(hook))) {
            return std::nullopt;
        }
        before = hook;
        ++length;
    }
    return head->prev_ == before ? std::optional(length) : std::nullopt;
}

const char* Validation::flaw_of_log() const {
    const UndoLog& log = of_.undo_;
    const SharedRange& range = *SharedRange::current();
    if (of_.mark_ != Operations::complete || log.count_ > UndoLog::capacity) {
        return "the undo log";
    }
    const std::uint64_t own = UndoLog::line_of(reinterpret_cast<std::uintptr_t>(&log));
    for (std::uint64_t at = 0; at < log.count_; ++at) {
        const std::uint64_t line = log.entries_[at].line;
        if (line >= UndoLog::watched_bytes / UndoLog::line_bytes ||
            !range.has(UndoLog::line_at(line), UndoLog::line_bytes) ||
            (line >= own && line < own + sizeof(log) / UndoLog::line_bytes)) {
            return "the undo log";
        }
    }
    return nullptr;
}

// Each looks only at what was found sound before it.
const char* Validation::flaw() {
    return !pools_are_sound()          ? "the pools"
           : !settings_are_sound()     ? "the settings"
           : !accounts_are_sound()     ? "the accounts"
           : !arena_is_sound()         ? "the memory of messages"
           : !opens_are_sound()        ? "the opens"
           : !queue_is_sound()         ? "the queue"
           : !parked_calls_are_sound() ? "the parked calls"
           : !steps_are_sound()        ? "the call under way"
           : !outbox_is_sound()        ? "the answers that are due"
                                       : nullptr;
}

bool Validation::pools_are_sound() const {
    const SharedRange& range = *SharedRange::current();
    const Arena& arena = of_.payloads_.arena_;
    const auto is_sound = [&](const auto& places, std::size_t count, std::size_t bytes) {
        return places.count_ == count && places.made_ <= count &&
               places.pages_.size() == count * bytes &&
               range.gave(places.pages_.begin(), places.pages_.size());
    };
    return is_sound(of_.calls_.places_, PendingCalls::count, sizeof(PendingCall)) &&
           is_sound(of_.files_.places_, OpenFiles::count, sizeof(OpenFile)) &&
           is_sound(of_.accounts_.places_, Accounts::count, sizeof(Accounts::User)) &&
           is_sound(arena.sizes_, PayloadSizes::count, sizeof(Arena::Size)) &&
           is_sound(arena.slabs_, PayloadPool::slabs, sizeof(Arena::Slab)) &&
           arena.sizes_.made_ == arena.sizes_.count_ && arena.slabs_.made_ == arena.slabs_.count_ &&
           arena.pages_.size() == PayloadPool::slabs * Arena::slab_bytes &&
           range.gave(arena.pages_.begin(), arena.pages_.size()) &&
           range.gave(of_.frames_.pages_.begin(), of_.frames_.pages_.size());
}

bool Validation::settings_are_sound() const {
    return Operations::is_valid(of_.device_->settings_) && of_.device_->limits_ == Limits{};
}

bool Validation::is_account(const void* account) const {
    const Accounts& accounts = of_.accounts_;
    const auto* const users =
        reinterpret_cast<const Accounts::User*>(accounts.places_.pages_.begin());
    const auto* const user =
        static_cast<const Accounts::User*>(static_cast<const Account*>(account));
    return account == &accounts.privileged_ || is_in(accounts.places_, users, user);
}

bool Validation::accounts_are_sound() const {
    const Accounts& accounts = of_.accounts_;
    std::size_t left = accounts.places_.made();
    const auto is_sound = [&](const auto& chain) {
        const auto users =
            length(chain, left, [&](const Account* user) { return is_account(user); });
        left -= users.value_or(0);
        return users.has_value();
    };
    return is_sound(accounts.unused_) && std::ranges::all_of(accounts.chains_, is_sound);
}

// With the free lists in the slabs, whose offsets are checked one by one.
bool Validation::arena_is_sound() {
    const Arena& arena = of_.payloads_.arena_;
    const auto* const slabs = reinterpret_cast<const Arena::Slab*>(arena.slabs_.pages_.begin());
    const auto* const sizes = reinterpret_cast<const Arena::Size*>(arena.sizes_.pages_.begin());
    if (arena.promised_ > PayloadPool::slabs) {
        return false;
    }
    std::size_t idle_bytes = 0;
    std::size_t looks = most_looks_;
    for (std::size_t index = 0; index < PayloadPool::slabs; ++index) {
        const Arena::Slab& slab = slabs[index];
        if (slab.size_index >= PayloadSizes::count) {
            return false;
        }
        const std::size_t bytes = PayloadSizes::block_bytes(slab.size_index);
        const std::size_t fresh = slab.fresh;
        if (slab.fresh < Arena::lead_bytes || slab.fresh > Arena::slab_bytes ||
            slab.touched > Arena::slab_bytes || (fresh - Arena::lead_bytes) % bytes != 0) {
            return false;
        }
        const std::size_t taken = (fresh - Arena::lead_bytes) / bytes;
        std::size_t released = 0;
        std::uint32_t next = slab.released;
        for (; next != 0 && released <= taken && looks != 0; ++released, --looks) {
            if (next <= Arena::lead_bytes || next > fresh ||
                (next - 1 - Arena::lead_bytes) % bytes != 0) {
                return false;
            }
            std::memcpy(&next, arena.begin_of(slab) + next - 1, sizeof(next));
        }
        if (slab.used > taken || (looks != 0 && released + slab.used != taken)) {
            return false;
        }
        messages_ += slab.used;
        idle_bytes += slab.idle_hook.linked() ? slab.touched.get() : 0;
    }
    const auto is_slab = [&](const Arena::Slab* slab) { return is_in(arena.slabs_, slabs, slab); };
    std::size_t left = arena.promised_;
    for (std::size_t index = 0; index < PayloadSizes::count; ++index) {
        const std::size_t bytes = PayloadSizes::block_bytes(index);
        const auto is_of_size = [&](const Arena::Slab* slab) {
            return is_slab(slab) && slab->size_index == index &&
                   slab->used < Arena::blocks_in_a_slab(bytes);
        };
        const auto with_room = length(sizes[index].with_room, left, is_of_size);
        if (!with_room || sizes[index].block_bytes != bytes ||
            sizes[index].blocks != Arena::blocks_in_a_slab(bytes)) {
            return false;
        }
        left -= *with_room;
    }
    const auto is_empty = [&](const Arena::Slab* slab) { return is_slab(slab) && slab->used == 0; };
    return length(arena.unused_, left, is_empty) &&
           length(arena.idle_, arena.promised_, is_empty) && arena.idle_bytes_ == idle_bytes;
}

bool Validation::is_message(const Message* message) const {
    const Arena& arena = of_.payloads_.arena_;
    const auto offset = reinterpret_cast<std::uintptr_t>(message) -
                        reinterpret_cast<std::uintptr_t>(arena.pages_.begin());
    if (offset / Arena::slab_bytes >= arena.promised_) {
        return false;
    }
    const auto* const slabs = reinterpret_cast<const Arena::Slab*>(arena.slabs_.pages_.begin());
    const Arena::Slab& slab = slabs[offset / Arena::slab_bytes];
    const std::size_t within = offset % Arena::slab_bytes;
    return within >= Arena::lead_bytes && within < slab.fresh &&
           (within - Arena::lead_bytes) % PayloadSizes::block_bytes(slab.size_index) == 0 &&
           message->size != 0 && message->size <= PayloadSizes::message_bytes(slab.size_index) &&
           std::uint64_t{message->queued} + message->begun + message->copying <= message->size;
}

bool Validation::is_call(const Request* request) const {
    const auto* const calls =
        reinterpret_cast<const PendingCall*>(of_.calls_.places_.pages_.begin());
    const auto* const call = static_cast<const PendingCall*>(request);
    return is_in(of_.calls_.places_, calls, call) && &call->spare.call == call;
}

bool Validation::is_open(const Open* open) const {
    const auto* const files = reinterpret_cast<const OpenFile*>(of_.files_.places_.pages_.begin());
    const auto* const file = static_cast<const OpenFile*>(open);
    return is_in(of_.files_.places_, files, file) && file->is_open_ == 1;
}

bool Validation::is_slice(const Slice& slice) const {
    return is_message(slice.message) && slice.begin < slice.end && slice.end <= slice.message->size;
}

bool Validation::is_spare(const Piece* piece) const {
    const auto* const calls =
        reinterpret_cast<const PendingCall*>(of_.calls_.places_.pages_.begin());
    const auto offset = reinterpret_cast<std::uintptr_t>(piece) -
                        reinterpret_cast<std::uintptr_t>(of_.calls_.places_.pages_.begin());
    return offset / sizeof(PendingCall) < of_.calls_.places_.made() &&
           static_cast<const Piece*>(&calls[offset / sizeof(PendingCall)].spare) == piece &&
           is_call(&calls[offset / sizeof(PendingCall)]);
}

// A message's own, or a spare one.
bool Validation::is_piece(const Piece* piece) const {
    if (is_spare(piece)) {
        return is_slice(piece->slice);
    }
    const auto* const own = reinterpret_cast<const Message*>(
        reinterpret_cast<const std::byte*>(piece) - offsetof(Message, whole));
    return is_message(own) && piece->slice.message == own && is_slice(piece->slice);
}

bool Validation::is_chain(const Message* first, std::size_t& looks) const {
    std::size_t length = 0;
    for (; first != nullptr && looks != 0; first = first->next, --looks) {
        if (length++ == messages_ || !is_message(first)) {
            return false;
        }
    }
    return true;
}

// Of a call that is parked or to be answered.
bool Validation::is_request(const Request& request, std::size_t& looks) const {
    return is_open(request.open) && is_account(request.account) &&
           (request.operation == Operation::read || request.operation == Operation::write) &&
           is_chain(request.message, looks);
}

bool Validation::opens_are_sound() {
    const OpenFiles& files = of_.files_;
    std::size_t begun = 0;
    const auto is_sound = [&](const OpenFile* file) {
        if (!is_open(file) || !is_account(file->account)) {
            return false;
        }
        const auto pieces = length(file->begun, messages_ + PendingCalls::count,
                                   [&](const Piece* piece) { return is_piece(piece); });
        const auto readers = length(file->readers, PendingCalls::count, [&](const Request* reader) {
            return is_call(reader) && reader->open == file;
        });
        begun += pieces.value_or(0);
        return pieces && readers && begun <= messages_ + PendingCalls::count;
    };
    const std::size_t made = files.places_.made();
    const auto open = length(files.open_, made, is_sound);
    const auto unused = length(files.unused_, made, [&](const OpenFile* file) {
        const auto* const first = reinterpret_cast<const OpenFile*>(files.places_.pages_.begin());
        return is_in(files.places_, first, file) && file->is_open_ != 1;
    });
    const auto watched =
        length(of_.watched_, made, [&](const OpenFile* file) { return is_open(file); });
    return open && unused && watched && *open + *unused <= made &&
           *open == of_.device_->gauges_.opens;
}

bool Validation::queue_is_sound() {
    std::uint64_t bytes = 0;
    std::size_t looks = most_looks_;
    const auto pieces = length(
        of_.device_->queue_, messages_ + PendingCalls::count,
        [&](const Piece* piece) {
            if (!is_piece(piece)) {
                return false;
            }
            bytes += piece->slice.size();
            return piece->slice.message->queued != 0;
        },
        &looks);
    const Gauges& gauges = of_.device_->gauges_;
    if (!pieces || looks == 0 || of_.device_->under_way_) { // some pieces are aside then
        return pieces.has_value();
    }
    return bytes == gauges.queued_bytes && gauges.queued_messages <= *pieces &&
           (gauges.queued_messages == 0) == (*pieces == 0);
}

bool Validation::parked_calls_are_sound() {
    const Gauges& gauges = of_.device_->gauges_;
    std::size_t looks = most_looks_;
    const auto of_operation = [&](Operation operation) {
        return [&, operation](const Request* request) {
            return is_call(request) && is_request(*request, looks) &&
                   request->operation == operation && request->state == RequestState::parked;
        };
    };
    const auto readers =
        length(of_.device_->readers_, PendingCalls::count, of_operation(Operation::read));
    const auto writers =
        length(of_.device_->writers_, PendingCalls::count, of_operation(Operation::write));
    const auto is_unused = [&](const Request* request) { return is_call(request); };
    const auto unused = length(of_.calls_.unused_, PendingCalls::count, is_unused);
    std::size_t found = 0;
    for (const auto& chain : of_.parked_.chains_) {
        const auto calls = length(chain, PendingCalls::count, [&](const PendingCall* call) {
            return is_call(call) && &of_.parked_.chains_[ParkedCalls::index_of(call->id)] == &chain;
        });
        if (!calls) {
            return false;
        }
        found += *calls;
    }
    return readers && writers && unused && *readers == gauges.parked_readers &&
           *writers == gauges.parked_writers && found >= *readers + *writers &&
           *readers + *writers + *unused <= of_.calls_.places_.made();
}

// Of a call that moves more messages than one step may.
bool Validation::steps_are_sound() {
    const Device& device = of_.device_.get();
    std::size_t looks = most_looks_;
    const auto is_known = [&](const Request* request) {
        return request == nullptr || (is_call(request) && is_request(*request, looks));
    };
    const auto aside = length(device.aside_, messages_ + PendingCalls::count,
                              [&](const Piece* piece) { return is_piece(piece); });
    const auto is_made = [&](const Open* open) { // the one that is being released is open no more
        const auto* const files =
            reinterpret_cast<const OpenFile*>(of_.files_.places_.pages_.begin());
        return open == nullptr ||
               (is_in(of_.files_.places_, files, static_cast<const OpenFile*>(open)) &&
                length(open->begun, messages_ + PendingCalls::count,
                       [&](const Piece* piece) { return is_piece(piece); }));
    };
    return aside && (device.gathering_ == nullptr || is_message(device.gathering_)) &&
           (device.gathering_ == nullptr || device.gatherer_ != nullptr) &&
           is_made(device.gatherer_) && is_made(device.releasing_) && is_made(device.continuing_) &&
           is_known(device.giving_back_) && is_known(device.serving_) &&
           is_known(device.arriving_) && (device.under_way_ || *aside == 0);
}

bool Validation::outbox_is_sound() {
    const Effects& effects = of_.effects_.get();
    std::size_t looks = most_looks_;
    const auto completed =
        length(effects.completed, PendingCalls::count, [&](const Request* request) {
            if (!is_call(request) || !is_request(*request, looks)) {
                return false;
            }
            if (request->state != RequestState::copying) {
                return request->state == RequestState::completed;
            }
            const auto pieces = length(request->pieces, messages_ + PendingCalls::count,
                                       [&](const Piece* piece) { return is_piece(piece); });
            return request->operation == Operation::read && pieces &&
                   (request->batch ? *pieces != 0 : is_slice(request->taken));
        });
    const auto messages = length(effects.retired_messages, messages_,
                                 [&](const Message* message) { return is_message(message); });
    const auto spares = length(effects.retired_pieces, PendingCalls::count,
                               [&](const Piece* piece) { return is_spare(piece); });
    return completed && messages && spares && of_.answer_.is_sound();
}

const char* Operations::find_flaw(bool thorough) {
    Validation validation(*this, thorough);
    if (const char* flaw = validation.flaw_of_log()) {
        return flaw;
    }
    roll_back();
    if (crashes_ >= most_crashes) {
        return "what makes one process after the other crash";
    }
    return validation.flaw();
}

bool Operations::is_valid(const Settings& settings) {
    Settings now = settings;
    return settings.mode >= Mode::fifo && settings.mode <= Mode::ring && settings.depth != 0 &&
           settings.max_message != 0 &&
           Device::apply({.mode = static_cast<std::uint32_t>(settings.mode),
                          .depth = settings.depth,
                          .max_message = settings.max_message},
                         now) == 0;
}

} // namespace ipcdev
