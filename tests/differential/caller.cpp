// SPDX-License-Identifier: MIT
#include "caller.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "frames.h"
#include "hang_watch.h"
#include "support/errors.h"
#include "uapi/ipcdev.h"

namespace ipcdev::differential {

namespace {

// Addresses that no access is allowed to.
char* bad_buffer() {
    static void* const buffer =
        mmap(nullptr, longest_call, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) {
        throw_errno("mmap");
    }
    return static_cast<char*>(buffer);
}

char* good_buffer() {
    thread_local std::vector<char> buffer(longest_call);
    return buffer.data();
}

} // namespace

Answer make_call(int fd, const Step& step) {
    const Input& input = step.input;
    Answer answer;
    if (input.verb == Verb::write) {
        const std::string bytes = input.batch ? frames_of(input.frames) : input.payload;
        const char* from = step.bad_buffer ? bad_buffer() : bytes.data();
        answer.result = write(fd, from, bytes.size());
    } else {
        char* to = step.bad_buffer ? bad_buffer() : good_buffer();
        answer.result = read(fd, to, input.count);
        if (answer.result > 0 && !step.bad_buffer) {
            const auto bytes = static_cast<std::size_t>(answer.result); // a bug may say too many
            answer.bytes.assign(to, std::min<std::size_t>(bytes, input.count));
        }
    }
    answer.error = answer.result < 0 ? errno : 0;
    return answer;
}

Caller::~Caller() {
    while (busy_ && !answers_within(std::chrono::milliseconds(5))) {
        interrupt();
    }
    fd_ = -1;
    wanted_.release();
    thread_.join();
}

void Caller::start(int fd, const Step& step) {
    fd_ = fd;
    step_ = step;
    answered_ = false;
    busy_ = true;
    wanted_.release();
}

bool Caller::answers_within(std::chrono::milliseconds time) {
    if (!done_.try_acquire_for(time)) {
        return false;
    }
    done_.release(); // for take()
    return true;
}

Answer Caller::take() {
    done_.acquire();
    busy_ = false;
    answered_ = false;
    return std::move(answer_);
}

void Caller::interrupt() const {
    interrupt_thread(id_);
}

void Caller::live() {
    id_ = static_cast<pid_t>(syscall(SYS_gettid));
    for (wanted_.acquire(); fd_ >= 0; wanted_.acquire()) {
        answer_ = make_call(fd_, step_);
        answered_ = true;
        done_.release();
    }
}

} // namespace ipcdev::differential
