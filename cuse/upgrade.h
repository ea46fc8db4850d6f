// SPDX-License-Identifier: MIT
//
// Another program takes the keeper's place, and no client notices.
//
//     keeper                            the new program
//     SIGHUP: runs it   ------------>   --print-layout: reads the options, says how its state
//     compares          <------------   is laid out (pages.h), ends
//     executes it       ------------>   has the same process number, children, descriptors and
//                                       locks, and the pages of the device
//                                       makes all that is not in these anew
//                                       kills the server, which served up to now
//                                       forks its own (keeper.h)
//
// Whatever goes wrong before the last of the keeper's steps, or in it, changes nothing: it goes on,
// and so does its server. Which program: the one that is at the path now from which this one was
// started.
#pragma once

#include <sys/types.h>

#include <string>

#include "descriptor.h"
#include "inheritance.h"

namespace ipcdev {

class Upgrade {
  public:
    // `arguments`: those of main(), which the new program gets. The first one is looked up now, in
    // the folder and $PATH of now.
    explicit Upgrade(char** arguments);
    Upgrade(const Upgrade&) = delete;
    Upgrade& operator=(const Upgrade&) = delete;
    ~Upgrade();

    // The layout of this program's state, and what it leaves. Call it before those below.
    void prepare(const std::string& layout, const Inheritance& inheritance);

    // Starts the new program, to ask for its layout. The answer is there when that process ends:
    // nobody waits for it.
    void ask();
    [[nodiscard]] bool is_asking() const { return asked_ != -1; }
    [[nodiscard]] pid_t asked() const { return asked_; }
    // That process has ended, with this status of wait(2). Executes the program, unless there is a
    // reason not to: then returns, and the log says why.
    void answered(int status, pid_t server);

  private:
    void refuse(const std::string& why);
    [[nodiscard]] std::string problem_with(int status, const std::string& layout) const;
    void execute(pid_t server);
    void end_asking();

    char** const arguments_;
    const std::string path_; // absolute
    std::string layout_;
    Inheritance inheritance_;
    Descriptor program_; // the one that was asked is the one that is executed
    Descriptor answer_;
    pid_t asked_ = -1;
};

// As SharedRange::layout() has it. Requires: there is no SharedRange. Throws as that does.
[[nodiscard]] std::string layout_of_this_program();

} // namespace ipcdev
