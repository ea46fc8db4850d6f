// SPDX-License-Identifier: MIT
//
// libfuse's own messages in the daemon's log.
#include "libfuse_log.h"

#include <fuse_log.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

namespace ipcdev::daemon_tests {

namespace {

class LibfuseLog : public ::testing::Test {
  protected:
    LibfuseLog() {
        logger_->set_pattern("%l: %v");
        logger_->set_level(spdlog::level::debug);
        spdlog::set_default_logger(logger_);
    }
    ~LibfuseLog() override {
        spdlog::set_default_logger(before_);
        fuse_set_log_func(nullptr);
    }
    std::ostringstream log_;

  private:
    std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
    std::shared_ptr<spdlog::logger> logger_ = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_st>(log_));
};

TEST_F(LibfuseLog, IsOfLevelDebugWhileADaemonStarts) {
    log_libfuse(spdlog::level::debug);
    fuse_log(FUSE_LOG_ERR, "fuse: device %s\n", "not found");
    fuse_log(FUSE_LOG_WARNING, "fuse: old\n");
    EXPECT_EQ(log_.str(), "debug: fuse: device not found\ndebug: fuse: old\n");
}

TEST_F(LibfuseLog, HasErrorsAsErrorsWhileItServes) {
    log_libfuse(spdlog::level::err);
    fuse_log(FUSE_LOG_ERR, "fuse: writing device: %s\n", "Invalid argument");
    fuse_log(FUSE_LOG_INFO, "fuse: hello\n");
    EXPECT_EQ(log_.str(), "error: fuse: writing device: Invalid argument\ndebug: fuse: hello\n");
}

TEST_F(LibfuseLog, HasALongMessageCut) {
    log_libfuse(spdlog::level::err);
    fuse_log(FUSE_LOG_ERR, "%0300d\n", 0);
    EXPECT_EQ(log_.str(), "error: " + std::string(255, '0') + "\n");
}

} // namespace

} // namespace ipcdev::daemon_tests
