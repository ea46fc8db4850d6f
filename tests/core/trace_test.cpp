// SPDX-License-Identifier: MIT
//
// The golden traces, played on the engine under test.
#include "engine_under_test.h"
#include "trace_runner.h"

int main(int argc, char** argv) {
    return ipcdev::test::run_traces(argc, argv, ipcdev::test::make_engine_under_test);
}
