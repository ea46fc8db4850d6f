// SPDX-License-Identifier: MIT
//
// Every expected output is compared; the first difference shows the whole
// scenario as a diff.
#include "trace_runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "trace_player.h"

namespace ipcdev::test {

namespace {

namespace fs = std::filesystem;

std::string file_text(const fs::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) {
        throw std::runtime_error("can't read " + path.string());
    }
    return text.str();
}

Trace load(const fs::path& path) {
    std::istringstream in(file_text(path));
    try {
        return parse_trace(in);
    } catch (const std::invalid_argument& wrong) {
        throw std::runtime_error(path.string() + ": " + wrong.what());
    }
}

// What GoogleTest and its filters take as a name.
std::string test_name(std::string name) {
    std::replace_if(
        name.begin(), name.end(), [](unsigned char letter) { return std::isalnum(letter) == 0; },
        '_');
    return name;
}

class ScenarioTest : public testing::Test {
  public:
    ScenarioTest(fs::path path, Scenario scenario, EngineMaker make)
        : path_(std::move(path)), scenario_(std::move(scenario)), make_(std::move(make)) {}

    void TestBody() override {
        const auto outputs = play(scenario_, make_);
        for (std::size_t index = 0; index < outputs.size(); ++index) {
            const Step& step = scenario_.steps[index];
            if (step.outputs != outputs[index]) {
                FAIL() << path_.string() << ":" << step.line
                       << ": not what the trace says (- the trace, + this engine)\n"
                       << difference_text(scenario_, outputs);
            }
        }
    }

  private:
    fs::path path_;
    Scenario scenario_;
    EngineMaker make_;
};

// A file is written as --rewrite would write it, so that a rewrite changes
// outputs only.
class FormatTest : public testing::Test {
  public:
    explicit FormatTest(fs::path path) : path_(std::move(path)) {}

    void TestBody() override { EXPECT_EQ(trace_text(load(path_)), file_text(path_)); }

  private:
    fs::path path_;
};

void register_file(const fs::path& path, const EngineMaker& make) {
    const std::string suite = test_name(path.stem().string());
    std::set<std::string> names;
    for (const Scenario& scenario : load(path).scenarios) {
        if (!names.insert(test_name(scenario.name)).second) {
            throw std::runtime_error(path.string() + ": two scenarios have the name " +
                                     scenario.name);
        }
        testing::RegisterTest(suite.c_str(), test_name(scenario.name).c_str(), nullptr, nullptr,
                              __FILE__, scenario.line, [=]() -> testing::Test* {
                                  return new ScenarioTest(path, scenario, make);
                              });
    }
    testing::RegisterTest(suite.c_str(), "the_file_is_in_the_form_that_rewrite_writes", nullptr,
                          nullptr, __FILE__, __LINE__,
                          [=]() -> testing::Test* { return new FormatTest(path); });
}

void rewrite(const fs::path& path, const EngineMaker& make) {
    Trace trace = load(path);
    for (Scenario& scenario : trace.scenarios) {
        const auto outputs = play(scenario, make);
        for (std::size_t index = 0; index < outputs.size(); ++index) {
            scenario.steps[index].outputs = outputs[index];
        }
    }
    const std::string text = trace_text(trace);
    if (text != file_text(path)) {
        std::ofstream(path) << text;
        std::cout << "rewritten: " << path.string() << '\n';
    }
}

std::vector<fs::path> all_traces() {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(IPCDEV_TRACES)) {
        if (entry.path().extension() == ".trace") {
            paths.push_back(entry.path());
        }
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

} // namespace

int run_traces(int argc, char** argv, const EngineMaker& make) {
    testing::InitGoogleTest(&argc, argv);
    std::vector<fs::path> paths;
    bool rewrites = false;
    for (int index = 1; index < argc; ++index) {
        const std::string argument = argv[index];
        if (argument == "--rewrite") {
            rewrites = true;
        } else {
            paths.emplace_back(argument);
        }
    }
    if (paths.empty()) {
        paths = all_traces();
    }
    try {
        for (const fs::path& path : paths) {
            rewrites ? rewrite(path, make) : register_file(path, make);
        }
    } catch (const std::exception& wrong) {
        std::cerr << wrong.what() << '\n';
        return 2;
    }
    return rewrites ? 0 : RUN_ALL_TESTS();
}

} // namespace ipcdev::test
