// SPDX-License-Identifier: MIT
//
// The trace language itself: what is written is read back, what is wrong is
// refused with the reason, what differs is shown.
#include <gtest/gtest.h>

#include <sstream>
#include <stdexcept>

#include "device_engine.h"
#include "trace_player.h"

namespace ipcdev::test {

namespace {

Trace parsed(const std::string& text) {
    std::istringstream in(text);
    return parse_trace(in);
}

// What parsing and playing a scenario of this text complains about.
std::string complaint(const std::string& text) {
    try {
        for (const Scenario& scenario : parsed(text).scenarios) {
            static_cast<void>(play(scenario, make_device_engine));
        }
    } catch (const std::exception& wrong) {
        return wrong.what();
    }
    return "";
}

} // namespace

TEST(TraceLanguage, AnInputIsReadBackAsItIsWritten) {
    for (const std::string text : {"open F",
                                   "close F",
                                   "clear",
                                   "configure mode=ring depth=2",
                                   "configure mode=slot depth=1 max_message=8",
                                   "configure mode=7",
                                   "A: read 100",
                                   "A: read 100 nonblock",
                                   "A: read 100 held",
                                   "B: write \"hello\"",
                                   "B: write \"two words\" nonblock",
                                   R"(B: write "\"quoted\", \\, \n and \x00\xff")",
                                   R"(B: write "x"*5000)",
                                   R"(B: write "x" "two words" batch)",
                                   R"(B: write "x"*5000 "yz" batch nonblock)",
                                   "B: write batch",
                                   "A: read 64 batch",
                                   "A: read 64 batch nonblock held",
                                   "A: read 100 held user=1",
                                   "B: write \"x\" nonblock user=70000",
                                   "A: read 100 batch held user=1 open=F",
                                   "B: write \"x\" open=F",
                                   "A: cancel",
                                   "A: cancel ENODEV",
                                   "A: copied",
                                   "A: fault"}) {
        Names names;
        const Line line = parse_input(text, names);
        EXPECT_EQ(input_text(line.input, names, line.held), text);
    }
}

TEST(TraceLanguage, WhatIsNoInputIsRefused) {
    for (const std::string text : {"",
                                   "opened",
                                   "open",
                                   "close F G",
                                   "A:",
                                   "A: jump",
                                   "A: read",
                                   "A: read ten",
                                   "A: read 1 2",
                                   "A: write",
                                   "A: write hello",
                                   "A: write \"hello",
                                   "A: write \"x\"*",
                                   "A: write \"x\" held",
                                   "A: write \"x\" \"y\"",
                                   "A: write \"x\" y batch",
                                   "A: read batch",
                                   "A: read 1 2 batch",
                                   "A: cancel batch",
                                   "A: cancel nonblock",
                                   "A: cancel EWHAT",
                                   "A: copied 1",
                                   "A: cancel user=1",
                                   "A: cancel open=F",
                                   "A: read 1 user=you",
                                   "A: read 1 user=",
                                   "configure size=1",
                                   "configure depth",
                                   "clear all"}) {
        Names names;
        EXPECT_THROW(static_cast<void>(parse_input(text, names)), std::invalid_argument) << text;
    }
}

TEST(TraceLanguage, AComplaintNamesTheLine) {
    EXPECT_EQ(complaint("open F\n"), "line 1: nothing comes before the first scenario");
    EXPECT_EQ(complaint("scenario x\n    done\n"), "line 2: an output follows its input");
    EXPECT_EQ(complaint("scenario x\nopen F\n# why\n    done\n"),
              "line 4: an output follows its input");
    EXPECT_EQ(complaint("scenario x\nopen F\ndevice depth=1\n"),
              "line 3: one device line, before the first input");
    for (const std::string before : {"open\n", "device depth=1\n", "contract R4\n", "# why\n"}) {
        EXPECT_EQ(complaint("scenario x\n" + before + "contract R3\n"),
                  "line 3: one contract line, next to the scenario's name");
    }
    EXPECT_EQ(complaint("scenario x\ndevice depth=65537\n"),
              "line 2: settings that no device can have");
    EXPECT_EQ(complaint("scenario x\n\nA: jump\n"),
              "line 3: A: jump: a client can't do that: jump");
    EXPECT_EQ(complaint("scenario x\ninfo size\n"), "line 2: info size: there is no size");
}

TEST(TraceLanguage, AnInputThatMakesNoSenseNowIsRefused) {
    EXPECT_EQ(complaint("scenario x\nA: read 1\nA: read 1\n"),
              "line 3: A: read 1: a call by a client that is busy");
    EXPECT_EQ(complaint("scenario x\nA: copied\n"), "line 2: A: copied: no copy is under way");
    EXPECT_EQ(complaint("scenario x\nA: fault\n"), "line 2: A: fault: no copy is under way");
    EXPECT_EQ(complaint("scenario x\nclose F\n"), "line 2: close F: close of what is not open");
    EXPECT_EQ(complaint("scenario x\nopen F\nopen F\n"), "line 3: open F: open of what is open");
    EXPECT_EQ(complaint("scenario x\nA: read 1 open=F\nclose F\n"),
              "line 3: close F: close while a call is parked or being copied");
    EXPECT_EQ(complaint("scenario x\nA: write \"x\"\nA: read 1 held open=F\nclose F\n"),
              "line 4: close F: close while a call is parked or being copied");
    EXPECT_EQ(complaint("scenario x\nA: write \"x\" \"\" batch\n"),
              "line 2: A: write \"x\" \"\" batch: a frame of 0 bytes, which a transport refuses");
}

TEST(TraceLanguage, AnOpenIsTheClientsOwnUnlessItIsNamed) {
    Names names;
    const Line own = parse_input("A: read 1", names);
    const Line other = parse_input("B: read 1 open=A", names);
    EXPECT_EQ(own.input.open, own.input.client);
    EXPECT_EQ(other.input.open, own.input.open);
    EXPECT_NE(other.input.client, own.input.client);
}

TEST(TraceLanguage, WhatPollSaysToAnOpenIsShownWhereItIsSomethingElse) {
    const auto outputs = play(parsed("scenario x\n"
                                     "B: write \"ab\"\n"
                                     "A: read 1\n"
                                     "B: write \"cd\"\n"
                                     "B: read 2\n"
                                     "A: read 1\n")
                                  .scenarios[0],
                              make_device_engine);
    using Lines = std::vector<std::string>;
    EXPECT_EQ(outputs[1],
              (Lines{"A: done 1 \"a\"", "poll: writable", "poll A: readable writable"}));
    EXPECT_EQ(outputs[2], (Lines{"B: done 2", "edge: readable", "poll: readable writable"}));
    EXPECT_EQ(outputs[3],
              (Lines{"B: done 2 \"cd\"", "poll: writable", "poll A: readable writable"}));
    EXPECT_EQ(outputs[4], (Lines{"A: done 1 \"b\"", "poll A: writable"}));
}

TEST(TraceLanguage, NeighboursThatDoTheSameAreOneLine) {
    const auto outputs = play(parsed("scenario x\n"
                                     "C8..C11: read 1 open=F\n"
                                     "A: write \"hello\"\n"
                                     "C1..C2: write \"x\"\n")
                                  .scenarios[0],
                              make_device_engine);
    using Lines = std::vector<std::string>;
    EXPECT_EQ(outputs[0], (Lines{"C8..C11: parked"}));
    EXPECT_EQ(outputs[1],
              (Lines{"A: done 5", "C8: done 1 \"h\"", "C9: done 1 \"e\"", "C10..C11: done 1 \"l\"",
                     "edge: readable", "poll F: readable writable"}));
    EXPECT_EQ(outputs[2], (Lines{"C1: done 1", "edge: readable", "poll: readable writable",
                                 "C2: done 1", "edge: readable"}));
}

TEST(TraceLanguage, ADifferenceIsShownInItsScenario) {
    const Scenario scenario = parsed("scenario One byte at a time\n"
                                     "contract R6 W2\n"
                                     "# why\n"
                                     "device max_message=8\n"
                                     "A: read 1\n"
                                     "    A: parked\n"
                                     "B: write \"ab\"\n"
                                     "    B: done 2\n"
                                     "    A: done 2 \"ab\"\n")
                                  .scenarios[0];
    EXPECT_EQ(difference_text(scenario, play(scenario, make_device_engine)),
              "  scenario One byte at a time\n"
              "  contract R6 W2\n"
              "  # why\n"
              "  device max_message=8\n"
              "  A: read 1\n"
              "      A: parked\n"
              "  B: write \"ab\"\n"
              "-     B: done 2\n"
              "-     A: done 2 \"ab\"\n"
              "+     B: done 2\n"
              "+     A: done 1 \"a\"\n"
              "+     edge: readable\n"
              "+     poll A: readable writable\n");
}

TEST(TraceLanguage, AFileKeepsItsCommentsAndEmptyLines) {
    const std::string text = "# head\n"
                             "\n"
                             "scenario One\n"
                             "contract R4 H1\n"
                             "# why\n"
                             "device depth=1\n"
                             "# first\n"
                             "open F\n"
                             "\n"
                             "A: read 1\n"
                             "    A: parked\n"
                             "\n"
                             "scenario Two\n"
                             "# without a device line\n"
                             "close F\n"
                             "\n"
                             "# tail\n";
    EXPECT_EQ(trace_text(parsed(text)), text);
}

} // namespace ipcdev::test
