// SPDX-License-Identifier: MIT
#include "support/user.h"

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "support/errors.h"

namespace ipcdev::test {

void become(uid_t user) {
    if (user == geteuid()) {
        return;
    }
    int death_signal = 0;
    prctl(PR_GET_PDEATHSIG, &death_signal);
    checked(setgroups(0, nullptr), "setgroups");
    checked(setresgid(user, user, user), "setresgid");
    checked(setresuid(user, user, user), "setresuid");
    prctl(PR_SET_PDEATHSIG, death_signal); // the line above cleared it
}

Status run_as(uid_t user, const std::function<int()>& body) {
    Process child([&] {
        become(user);
        return body();
    });
    return child.wait();
}

} // namespace ipcdev::test
