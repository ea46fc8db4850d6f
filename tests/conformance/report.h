// SPDX-License-Identifier: MIT
//
// What becomes of each test, and the result file.
//
// The file is valid JSON at any time: it is written anew before each test, with
// that test as one that did not end. So nothing is lost if the suite dies.
#pragma once

#include <string>
#include <vector>

#include "uapi/ipcdev.h"

namespace ipcdev::conformance {

// Called by each test before anything else: the clauses of docs/contract.md that it
// is about, as contract("R4", "H1"). tests/lint/clauses reads them in the source too.
void about(const std::vector<std::string>& clauses);
template <typename... Clauses> void contract(const Clauses&... clauses) {
    about({clauses...});
}

// Called by a test that asserts a declared difference: how this server differs
// from what the contract says elsewhere, e.g. "EINTR (FUSE cannot carry
// ERESTARTSYS)".
void declared_difference(const std::string& difference);

namespace report {

void install();                                         // as a listener of gtest's
void served_by(const ipcdev_info& info);                // once it is known
void failed_outside_a_test(const std::string& problem); // and the run with it
void finish();

} // namespace report
} // namespace ipcdev::conformance
