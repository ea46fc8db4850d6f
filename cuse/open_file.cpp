// SPDX-License-Identifier: MIT
#include "open_file.h"

#include <algorithm>
#include <cassert>
#include <new>

namespace ipcdev {

void OpenFile::remember_read(const ReadEnd& end, bool may_be_part) {
    last_read_ = end;
    if (may_be_part) {
        furthest_part_end_ = std::max<off_t>(furthest_part_end_, end.offset);
    }
}

// Compares with the last read only. If another read got bytes since, the call would miss
// those; if bytes came back since, they precede the ones that the call needs next.
bool OpenFile::goes_on(pid_t thread, off_t offset) const {
    const Piece* const first = begun.front();
    return first != nullptr && thread != 0 && thread == last_read_->thread &&
           offset == last_read_->offset && first->slice.message->sequence == last_read_->sequence &&
           first->slice.begin == last_read_->next;
}

OpenFiles::~OpenFiles() {
    while (unused_.pop_front() != nullptr) {
    }
}

OpenFile* OpenFiles::make(int flags, Account& account) {
    OpenFile* file = unused_.pop_front();
    file = file != nullptr ? file : places_.make();
    if (file == nullptr) {
        return nullptr;
    }
    ++file->generation_;
    file->is_open_ = 1;
    file->flags = flags;
    file->account = &account;
    file->batch = false;
    file->last_read_ = OpenFile::ReadEnd{};
    file->furthest_part_end_ = 0;
    open_.push_back(*file);
    return file;
}

void OpenFiles::release(OpenFile& file) {
    open_.erase(file);
    file.is_open_ = 0;
    unused_.push_front(file); // reused first, since it is in the cache
}

std::uint64_t OpenFiles::handle(const OpenFile& file) const {
    return (std::uint64_t{file.generation_} << 32U) | places_.index_of(file);
}

bool OpenFiles::has(std::uint64_t handle) {
    const std::uint64_t index = handle & 0xffff'ffffU;
    return index < places_.made() && places_.at(index)->is_open_ == 1 &&
           places_.at(index)->generation_ == handle >> 32U;
}

// What says how it was opened stays as it is all the time, so this can be repeated.
void OpenFile::forget_calls() {
    new (&begun) PieceList();
    new (&readers) OpenReaderList();
    new (&hook) ListHook();
    new (&watch_hook) ListHook();
    last_read_.construct({});
    furthest_part_end_.construct(0);
}

void OpenFiles::restore(std::size_t most, const std::function<bool(OpenFile&)>& take) {
    constexpr std::uint8_t yes = 1; // a bool that may be anything is read as a byte
    constexpr std::size_t end =
        64; // places never used, one after the other: so are all that follow
    std::size_t never_used = 0;
    while (places_.made() < std::min(most, count) && never_used < end) {
        OpenFile& file = places_.take_over();
        never_used = file.generation_ == 0 ? never_used + 1 : 0;
        const std::uint8_t is_open = file.is_open_;
        const auto batch = reinterpret_cast<const std::uint8_t&>(file.batch);
        file.forget_calls();
        if (file.generation_ != 0 && is_open == 0) {
            unused_.push_back(file);
        } else if (file.generation_ != 0 && is_open == yes && batch <= yes && take(file)) {
            open_.push_back(file);
        } else {
            file.generation_ = 0; // no handle has that
        }
    }
}

OpenFile& OpenFiles::of(std::uint64_t handle) {
    OpenFile& file = *places_.at(handle & 0xffff'ffffU);
    assert(file.generation_ == handle >> 32U);
    return file;
}

} // namespace ipcdev
