// SPDX-License-Identifier: MIT
//
// A test program of trace files, for any engine:
//
//   program [--rewrite] [gtest options] [FILE.trace...]
//
// Each scenario is a test of its own, named FILE.SCENARIO. Without files it
// takes all those of the directory it was built with. `--rewrite` puts what the
// engine does into the files, in place of the outputs that stand there, to be
// read as a diff before it is believed.
#pragma once

#include "engine.h"

namespace ipcdev::test {

// The exit status of the program.
[[nodiscard]] int run_traces(int argc, char** argv, const EngineMaker& make);

} // namespace ipcdev::test
