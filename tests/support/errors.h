// SPDX-License-Identifier: MIT
//
// System calls that a test can't do without: one that fails is an exception,
// std::system_error with its errno.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace ipcdev::test {

[[noreturn]] inline void throw_errno(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

// The result of a system call that says -1 if it fails.
template <class Result> Result checked(Result result, const char* what) {
    if (result == -1) {
        throw_errno(what);
    }
    return result;
}

} // namespace ipcdev::test
