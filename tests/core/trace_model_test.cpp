// SPDX-License-Identifier: MIT
//
// The golden traces, played on the model: what the model says is what they say.
#include "model.h"
#include "trace_runner.h"

int main(int argc, char** argv) {
    using namespace ipcdev;
    return test::run_traces(argc, argv, [](const Settings& settings, const Limits& limits) {
        return std::make_unique<test::Model>(settings, limits);
    });
}
