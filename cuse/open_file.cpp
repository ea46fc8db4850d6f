// SPDX-License-Identifier: MIT
#include "open_file.h"

#include <algorithm>

namespace ipcdev {

void OpenFile::remember_read(const ReadEnd& end, bool may_be_part) {
    last_read_ = end;
    if (may_be_part) {
        furthest_part_end_ = std::max(furthest_part_end_, end.offset);
    }
}

// Compares with the last read only. If another read got bytes since, the call would miss
// those; if bytes came back since, they precede the ones that the call needs next.
bool OpenFile::goes_on(pid_t thread, off_t offset) const {
    const Piece* const first = begun.front();
    return first != nullptr && thread != 0 && thread == last_read_.thread &&
           offset == last_read_.offset && first->slice.message->sequence == last_read_.sequence &&
           first->slice.begin == last_read_.next;
}

} // namespace ipcdev
