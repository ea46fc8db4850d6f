// SPDX-License-Identifier: MIT
//
// The comparison itself: two engines that differ in one thing are told apart,
// whichever of them it is.
#include <gtest/gtest.h>

#include "device_engine.h"
#include "mirror_engine.h"
#include "pair_engine.h"

namespace ipcdev::test {

namespace {

// What one engine does wrong.
struct Wrong {
    std::function<void(Outcome&)> outcome{};
    std::function<void(Snapshot&)> seen{};
    std::function<void(Inside&)> inside{};
};

class WrongEngine final : public Engine {
  public:
    WrongEngine(std::unique_ptr<Engine> engine, Wrong wrong)
        : engine_(std::move(engine)), wrong_(std::move(wrong)) {}

    void apply(const Input& input, Outcome& outcome) override {
        engine_->apply(input, outcome);
        if (wrong_.outcome) {
            wrong_.outcome(outcome);
        }
    }
    [[nodiscard]] PollMask mask(std::size_t open) const override { return engine_->mask(open); }
    void look(Snapshot& snapshot) const override {
        engine_->look(snapshot);
        if (wrong_.seen) {
            wrong_.seen(snapshot);
        }
    }
    void look_inside(Inside& inside) const override {
        engine_->look_inside(inside);
        if (wrong_.inside) {
            wrong_.inside(inside);
        }
    }

  private:
    std::unique_ptr<Engine> engine_;
    Wrong wrong_;
};

const Settings settings{.depth = 2, .max_message = 4};
const Input write_input{.verb = Verb::write, .payload = "x"};
// Two of its messages are in, the third stays the writer's.
const Input batch_input{
    .verb = Verb::write, .batch = true, .frames = {"x", "y", "z"}, .nonblocking = true};
const Input batch_read_input{.verb = Verb::read, .count = 32, .batch = true};
// A message of which the open has begun to read, by client 1.
const Input long_write_input{.verb = Verb::write, .payload = "long"};
const Input short_read_input{.verb = Verb::read, .client = 1, .count = 1};
const Input short_copied_input{.verb = Verb::copied, .client = 1};
const Input close_input{.verb = Verb::close};

using Inputs = std::vector<Input>;

std::unique_ptr<Engine> opened(std::unique_ptr<Engine> engine) {
    Outcome outcome;
    engine->apply({.verb = Verb::open}, outcome);
    return engine;
}

std::unique_ptr<Engine> core() {
    return opened(make_device_engine(settings));
}

std::unique_ptr<Engine> mirror() {
    return opened(make_mirror_engine(settings));
}

std::string complaint_of(std::unique_ptr<Engine> first, std::unique_ptr<Engine> second,
                         const Inputs& inputs = {write_input}) {
    PairEngine pair(std::move(first), std::move(second));
    Outcome outcome;
    for (const Input& input : inputs) {
        pair.apply(input, outcome);
    }
    return pair.complaint();
}

void expect_told_apart(const Wrong& wrong, const Inputs& inputs = {write_input}) {
    EXPECT_NE("", complaint_of(core(), std::make_unique<WrongEngine>(mirror(), wrong), inputs));
    EXPECT_NE("", complaint_of(std::make_unique<WrongEngine>(core(), wrong), mirror(), inputs));
}

// What `wrong` does to the last frame of a batch read.
Wrong wrong_frame(std::function<void(Frame&)> wrong) {
    return {.outcome = [=](Outcome& outcome) {
        for (Completion& ended : outcome.completions) {
            if (!ended.frames.empty()) {
                wrong(ended.frames.back());
            }
        }
    }};
}

} // namespace

TEST(Pair, ThatDoesTheSameHasNoComplaint) {
    EXPECT_EQ("", complaint_of(core(), mirror()));
    EXPECT_EQ("", complaint_of(core(), mirror(), {batch_input, batch_read_input}));
}

TEST(Pair, ThatDoesTheSameInOtherStepsHasNoComplaint) {
    EXPECT_EQ("", complaint_of(opened(make_device_engine_in_steps(settings, {}, 1)),
                               opened(make_mirror_engine_in_steps(settings, {}, 2)),
                               {batch_input, batch_read_input}));
}

TEST(Pair, ThatReadsShortAndClosesHasNoComplaint) {
    EXPECT_EQ("",
              complaint_of(core(), mirror(),
                           {long_write_input, short_read_input, short_copied_input, close_input}));
}

TEST(Pair, TellsACompletionApart) {
    expect_told_apart({.outcome = [](Outcome& outcome) { outcome.completions[0].error = EAGAIN; }});
}

TEST(Pair, TellsTheFramesOfABatchReadApart) {
    const Inputs inputs{batch_input, batch_read_input};
    expect_told_apart(wrong_frame([](Frame& frame) { frame.text = "?"; }), inputs);
    expect_told_apart(wrong_frame([](Frame& frame) { frame.message = 1; }), inputs);
    expect_told_apart(wrong_frame([](Frame& frame) { frame.remainder = true; }), inputs);
    expect_told_apart(wrong_frame([](Frame& frame) { frame.spare = true; }), inputs);
}

TEST(Pair, TellsApartHowMuchOfABatchAWriterKeeps) {
    expect_told_apart({.outcome = [](Outcome& outcome) { ++outcome.completions[0].kept; }},
                      {batch_input});
}

TEST(Pair, TellsAnEdgeApart) {
    expect_told_apart({.outcome = [](Outcome& outcome) { outcome.became_readable = false; }});
}

TEST(Pair, TellsAPollMaskApart) {
    expect_told_apart({.seen = [](Snapshot& seen) { seen.mask.writable = false; }});
    expect_told_apart({.seen = [](Snapshot& seen) { seen.masks[0].mask.readable = false; }});
}

TEST(Pair, TellsApartWhatAnOpenHasBegun) {
    const Inputs inputs{long_write_input, short_read_input};
    expect_told_apart({.seen = [](Snapshot& seen) { seen.begun.clear(); }}, inputs);
    expect_told_apart({.seen = [](Snapshot& seen) { seen.gauges.begun_messages = 0; }}, inputs);
    expect_told_apart({.inside = [](Inside& inside) { inside.messages[0].begun = 0; }}, inputs);
}

TEST(Pair, TellsApartWhoseAParkedReadIs) {
    expect_told_apart({.seen = [](Snapshot& seen) { seen.open_readers.clear(); }},
                      {short_read_input});
}

TEST(Pair, TellsACounterApart) {
    expect_told_apart({.seen = [](Snapshot& seen) { ++seen.statistics.bytes_written; }});
}

TEST(Pair, TellsWhatIsKeptInsideApart) {
    expect_told_apart({.inside = [](Inside& inside) { inside.messages[0].queued = 0; }});
    expect_told_apart({.inside = [](Inside& inside) { inside.cleared_through = 1; }});
}

} // namespace ipcdev::test
