// SPDX-License-Identifier: MIT
//
// Converts between the frames of a call and the core's messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "pages.h"
#include "payload.h"
#include "reply.h"
#include "request.h"
#include "uapi/ipcdev.h"

namespace ipcdev {

// Makes the messages of a batch write. 0: the request owns them; it gets none if one exceeds
// `max_message`, which the device then refuses. EINVAL or EMSGSIZE for a bad batch, or
// ENOMEM: the request gets none.
[[nodiscard]] int unpack(std::span<const std::byte> bytes, std::uint32_t max_message,
                         PayloadPool& payloads, Request& request);

// Frees all messages that the request still has.
void release_messages(Request& request, PayloadPool& payloads);

// Where the answer to a batch read is put together; one at a time.
class FrameBuffer {
  public:
    // Throws std::bad_alloc.
    FrameBuffer() : pages_(answer_header_bytes + IPCDEV_BATCH_BYTES_MAX) {}

    // The frames for what the read was given, in memory that suits answer_bytes_in_place.
    // Valid until the next call.
    [[nodiscard]] std::span<std::byte> pack(const PieceList& pieces);

  private:
    friend class Validation;

    Pages pages_;
};

} // namespace ipcdev
