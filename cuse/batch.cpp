// SPDX-License-Identifier: MIT
#include "batch.h"

#include <algorithm>
#include <cassert>
#include <cerrno>

#include "uapi/ipcdev_frames.hpp"

namespace ipcdev {

namespace {

// Sets `largest` to the bytes of the largest message, or returns what is wrong.
int measure(std::span<const std::byte> bytes, Kept<std::uint64_t>& largest) {
    largest = 0;
    FrameIterator frames(bytes);
    while (const auto frame = frames.next()) {
        if (frame->message.empty() || frame->flags != 0) {
            return EINVAL;
        }
        largest = std::max<std::uint64_t>(largest, frame->message.size());
    }
    return frames.rest().empty() ? 0 : EINVAL;
}

} // namespace

int unpack(std::span<const std::byte> bytes, std::uint32_t max_message, PayloadPool& payloads,
           Request& request) {
    if (bytes.size() > IPCDEV_BATCH_BYTES_MAX) {
        return EMSGSIZE;
    }
    if (const int error = measure(bytes, request.largest); error != 0) {
        return error;
    }
    if (request.largest > max_message) {
        return 0;
    }
    Kept<Message*>* end = &request.message;
    FrameIterator frames(bytes);
    while (const auto frame = frames.next()) {
        Payload* payload = payloads.make(frame->message);
        if (payload == nullptr) {
            release_messages(request, payloads);
            return ENOMEM;
        }
        *end = payload;
        end = &payload->next;
    }
    return 0;
}

void release_messages(Request& request, PayloadPool& payloads) {
    while (Message* message = request.message) {
        request.message = message->next;
        payloads.release(static_cast<Payload&>(*message));
    }
}

std::span<std::byte> FrameBuffer::pack(const PieceList& pieces) {
    const auto room = pages_.bytes().subspan(answer_header_bytes);
    FramePacker packer(room);
    for (const Piece& piece : pieces) {
        auto& payload = static_cast<Payload&>(*piece.slice.message);
        const bool whole = piece.slice.size() == payload.size;
        [[maybe_unused]] const Packed packed =
            packer.append(payload.bytes(piece.slice), whole ? 0 : IPCDEV_FRAME_REMAINDER);
        assert(packed == Packed::yes); // submit_read refuses larger batches
    }
    return room.first(packer.frames().size());
}

} // namespace ipcdev
