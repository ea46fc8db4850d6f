// SPDX-License-Identifier: MIT
#include "report.h"

#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include <pwd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "options.h"
#include "support/serving.h"
#include "support/watchdog.h"

namespace ipcdev::conformance {
namespace {

using Json = nlohmann::ordered_json;
namespace watchdog = test::watchdog;

constexpr auto clauses_key = "clauses"; // names, separated by blanks
constexpr auto difference_key = "declared_difference";

Json run = Json::object();
std::map<std::string, std::size_t> places; // "Chapter.Name" -> index in run["tests"]

std::string user_name() {
    const passwd* user = getpwuid(geteuid());
    return user != nullptr ? user->pw_name : std::to_string(geteuid());
}

void describe_run() {
    utsname kernel{};
    uname(&kernel);
    run["label"] = options().label;
    run["server"] = nullptr;
    run["abi_version"] = nullptr;
    run["capabilities"] = Json::array();
    run["kernel"] = kernel.release;
    run["uid"] = geteuid();
    run["user"] = user_name();
    run["device"] = options().device;
    run["command"] = options().command_line;
    run["serve"] = options().serve;
    run["problems"] = Json::array(); // outside of tests
    run["tests"] = Json::array();
}

// Renamed into place, so that it is whole or not there.
void write_result() {
    if (options().result.empty()) {
        return;
    }
    const std::string unfinished = options().result + ".new";
    std::ofstream file(unfinished);
    // Failure messages may hold bytes of messages: not valid UTF-8 then.
    file << run.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
    file.close();
    if (!file || std::rename(unfinished.c_str(), options().result.c_str()) != 0) {
        std::fprintf(stderr, "can't write %s\n", options().result.c_str());
    }
}

const char* outcome_of(const testing::TestResult& result, bool differs) {
    if (result.Failed()) {
        return "fail";
    }
    if (result.Skipped()) {
        return "skip";
    }
    return differs ? "declared difference" : "pass";
}

std::string messages_of(const testing::TestResult& result) {
    std::string all;
    for (int i = 0; i < result.total_part_count(); ++i) {
        const auto& part = result.GetTestPartResult(i);
        if (part.passed()) {
            continue;
        }
        all += all.empty() ? "" : "\n";
        if (part.failed() && part.file_name() != nullptr) {
            const std::string file = part.file_name();
            all +=
                file.substr(file.rfind('/') + 1) + ":" + std::to_string(part.line_number()) + ": ";
        }
        all += part.message();
    }
    return all;
}

Json words_of(const std::string& text) {
    std::istringstream in(text);
    Json words = Json::array();
    for (std::string word; in >> word;) {
        words.push_back(word);
    }
    return words;
}

// One entry a test; one that is repeated keeps its last outcome, but once
// failed it stays so.
Json& entry_of(const testing::TestInfo& test) {
    const std::string name = std::string(test.test_suite_name()) + "." + test.name();
    const auto [place, is_new] = places.try_emplace(name, run["tests"].size());
    if (is_new) {
        run["tests"].push_back({{"chapter", test.test_suite_name()},
                                {"name", test.name()},
                                {"clauses", Json::array()},
                                {"outcome", ""},
                                {"message", ""},
                                {"runs", 0},
                                {"failures", 0},
                                {"duration_ms", 0}});
    }
    return run["tests"][place->second];
}

class Reporter : public testing::EmptyTestEventListener {
    void OnTestStart(const testing::TestInfo& test) override {
        name_ = std::string(test.test_suite_name()) + "." + test.name();
        Json& entry = entry_of(test);
        outcome_before_ = entry["outcome"];
        message_before_ = entry["message"];
        failures_before_ = entry["failures"];
        entry["outcome"] = "fail";
        entry["message"] = "did not end: the suite ended during this test";
        entry["runs"] = entry["runs"].get<int>() + 1;
        entry["failures"] = failures_before_ + 1;
        write_result();
        watchdog::arm(name_.c_str());
    }

    void OnTestEnd(const testing::TestInfo& test) override {
        watchdog::disarm();
        const auto& result = *test.result();
        Json& entry = entry_of(test);
        entry["duration_ms"] = result.elapsed_time();
        for (int i = 0; i < result.test_property_count(); ++i) {
            const auto& property = result.GetTestProperty(i);
            if (std::string(property.key()) == clauses_key) {
                entry[clauses_key] = words_of(property.value());
            } else {
                entry[property.key()] = property.value();
            }
        }
        if (result.Failed()) {
            entry["message"] = messages_of(result);
            return;
        }
        entry["failures"] = failures_before_;
        const bool differs = entry.contains(difference_key);
        entry["outcome"] = failures_before_ > 0 ? outcome_before_ : outcome_of(result, differs);
        entry["message"] = failures_before_ > 0 ? message_before_ : messages_of(result);
    }

    std::string name_; // the watchdog keeps a pointer into it
    // Of the entry, before this run of the test.
    std::string outcome_before_;
    std::string message_before_;
    int failures_before_ = 0;
};

} // namespace

void about(const std::vector<std::string>& clauses) {
    std::string words;
    for (const std::string& clause : clauses) {
        words += (words.empty() ? "" : " ") + clause;
    }
    testing::Test::RecordProperty(clauses_key, words);
}

void declared_difference(const std::string& difference) {
    testing::Test::RecordProperty(difference_key, difference);
}

void report::install() {
    describe_run();
    testing::UnitTest::GetInstance()->listeners().Append(new Reporter);
}

void report::served_by(const ipcdev_info& info) {
    run["server"] = test::server_name(info.server);
    run["abi_version"] = info.abi_version;
    Json& capabilities = run["capabilities"] = Json::array();
    if ((info.capabilities & IPCDEV_CAP_RESTART) != 0) {
        capabilities.push_back("restart");
    }
    if ((info.capabilities & IPCDEV_CAP_CHARDEV) != 0) {
        capabilities.push_back("chardev");
    }
    if ((info.capabilities & IPCDEV_CAP_UNSPLIT) != 0) {
        capabilities.push_back("unsplit");
    }
    if ((info.capabilities & IPCDEV_CAP_NOWAIT) != 0) {
        capabilities.push_back("nowait");
    }
    if ((info.capabilities & IPCDEV_CAP_KEPT) != 0) {
        capabilities.push_back("kept");
    }
}

void report::failed_outside_a_test(const std::string& problem) {
    std::fprintf(stderr, "ipcdev-conformance: %s\n", problem.c_str());
    run["problems"].push_back(problem);
}

void report::finish() {
    write_result();
}

} // namespace ipcdev::conformance
