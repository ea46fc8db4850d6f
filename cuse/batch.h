// SPDX-License-Identifier: MIT
//
// Batches between the bytes of a call, which are frames, and the messages of the core.
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

// Gives the write its messages. 0, and they are the request's, none if one of them is
// larger than `max_message`, which is the device's to refuse. Or EINVAL, EMSGSIZE for
// what is no batch, ENOMEM: then it has none.
[[nodiscard]] int unpack(std::span<const std::byte> bytes, std::uint32_t max_message,
                         PayloadPool& payloads, Request& request);

// Gives back all messages that the request still has.
void release_messages(Request& request, PayloadPool& payloads);

// Where the answer to a batch read is put together; one at a time.
class FrameBuffer {
  public:
    // Throws std::bad_alloc.
    FrameBuffer() : pages_(Reply::header_bytes + IPCDEV_BATCH_BYTES_MAX) {}

    // The frames of what the read was given, in memory that is fit for
    // Reply::bytes_in_place, until the next call.
    [[nodiscard]] std::span<std::byte> pack(const PieceList& pieces);

  private:
    Pages pages_;
};

} // namespace ipcdev
