// SPDX-License-Identifier: MIT
#include "libfuse_log.h"

#include <fuse_log.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include <spdlog/spdlog.h>

namespace ipcdev {

namespace {

spdlog::level::level_enum level_of_errors = spdlog::level::err; // libfuse carries none for us

void log(fuse_log_level level, const char* format, va_list arguments) {
    std::array<char, 256> line{};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    std::string_view text = line.data(); // not a string: the caller may have no memory left
    text = text.substr(0, text.find_last_not_of('\n') + 1);
    spdlog::log(level <= FUSE_LOG_ERR ? level_of_errors : spdlog::level::debug, "{}", text);
}

} // namespace

void log_libfuse(spdlog::level::level_enum errors) {
    level_of_errors = errors;
    fuse_set_log_func(log);
}

} // namespace ipcdev
