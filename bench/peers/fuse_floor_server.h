// SPDX-License-Identifier: MIT
//
// The least that a FUSE server can do: the yardstick for ipcdevd. A loop on the
// descriptor, one read(2) and one write(2) a request; READ gets as many bytes as it
// asked for, WRITE is swallowed, and everything else is libfuse's.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "support/process.h"
#include "temporary.h"

namespace ipcdev::bench {

// Serves from construction to destruction, in a process of its own; as root by
// mount(2), otherwise by fusermount3.
class FuseFloorServer {
  public:
    FuseFloorServer();
    FuseFloorServer(const FuseFloorServer&) = delete;
    FuseFloorServer& operator=(const FuseFloorServer&) = delete;
    ~FuseFloorServer();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] pid_t pid() const { return process_.pid(); }

  private:
    TemporaryFolder folder_;
    std::filesystem::path path_;
    test::Process process_;
};

} // namespace ipcdev::bench
