// SPDX-License-Identifier: MIT
//
// The golden traces, played on the core.
#include "device_engine.h"
#include "trace_runner.h"

int main(int argc, char** argv) {
    return ipcdev::test::run_traces(argc, argv, ipcdev::test::make_device_engine);
}
