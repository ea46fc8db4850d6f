// SPDX-License-Identifier: MIT
#include "processors.h"

#include <sched.h>

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "device_test.h"
#include "options.h"
#include "support/errors.h"

namespace ipcdev::conformance::processors {
namespace {

class Spreader : public testing::EmptyTestEventListener {
  public:
    Spreader() {
        test::checked(sched_getaffinity(0, sizeof(all_), &all_), "sched_getaffinity");
        CPU_ZERO(&one_);
        for (std::size_t processor = 0; CPU_COUNT(&one_) == 0; ++processor) {
            if (CPU_ISSET(processor, &all_)) {
                CPU_SET(processor, &one_);
            }
        }
        run_on(one_);
    }

    void OnTestSuiteStart(const testing::TestSuite& chapter) override {
        const bool spread = is_named(chapter.name());
        if (spread == spread_) {
            return;
        }
        spread_ = spread;
        run_on(spread ? all_ : one_);
        // The next test starts them anew, on the same processors as its clients.
        EXPECT_TRUE(end_serving()) << "at the end of a chapter";
    }

  private:
    static bool is_named(const std::string& chapter) {
        return (":" + options().spread + ":").find(":" + chapter + ":") != std::string::npos;
    }

    // This process, and those it starts from now on.
    static void run_on(const cpu_set_t& processors) {
        test::checked(sched_setaffinity(0, sizeof(processors), &processors), "sched_setaffinity");
    }

    cpu_set_t all_{};
    cpu_set_t one_{};
    bool spread_ = false;
};

// One that is misspelt would never be spread, and nobody would notice.
void refuse_unknown_chapters() {
    const testing::UnitTest& all = *testing::UnitTest::GetInstance();
    std::istringstream names(options().spread);
    for (std::string name; std::getline(names, name, ':');) {
        int at = 0;
        while (at < all.total_test_suite_count() && all.GetTestSuite(at)->name() != name) {
            ++at;
        }
        if (at == all.total_test_suite_count()) {
            std::cerr << "ipcdev-conformance: --spread: there is no chapter '" << name << "'\n";
            std::exit(2);
        }
    }
}

} // namespace

void install() {
    if (!options().spread.empty()) {
        refuse_unknown_chapters();
        testing::UnitTest::GetInstance()->listeners().Append(new Spreader); // gtest's from now on
    }
}

} // namespace ipcdev::conformance::processors
