// SPDX-License-Identifier: MIT
//
// Long random lives of a device, the core beside the model: after every input
// both have done the same, in however many steps, and the core has kept the laws of
// the ledger.
//
// A failure is shrunk, printed as a trace, and can be run again with the
// RC_PARAMS that stand at the top of the output.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <rapidcheck/state.h>

#include <ostream>
#include <sstream>

#include "device_engine.h"
#include "ledger.h"
#include "model.h"
#include "trace_words.h"

namespace ipcdev::test {

namespace {

constexpr std::size_t clients = 12;
constexpr std::size_t opens = 5;
constexpr int most_inputs = 400; // of one life

struct Core {
    Core(const Settings& settings, const Limits& limits, std::uint32_t budget)
        : engine(make_device_engine_in_steps(settings, limits, budget)),
          ledger(settings, clients, limits) {}

    std::unique_ptr<Engine> engine;
    Ledger ledger;
};

using Command = rc::state::Command<Model, Core>;

// `1[0,5) 2[0,3)`: messages, and their bytes that wait.
std::string queue_text(const std::vector<Queued>& queue) {
    std::ostringstream text;
    for (const Queued& piece : queue) {
        text << ' ' << piece.message << '[' << piece.begin << ',' << piece.end << ')';
    }
    return text.str();
}

// Of each open what poll says to it, what it has begun and who waits for more.
std::string opens_text(const Engine& engine, const Snapshot& now) {
    std::ostringstream text;
    for (std::size_t open = 0; open < opens; ++open) {
        std::vector<Queued> begun;
        for (const Begun& piece : now.begun) {
            if (piece.open == open) {
                begun.push_back(piece.what);
            }
        }
        text << "    " << Names().name(open) << " poll " << mask_text(engine.mask(open))
             << ", begun" << queue_text(begun) << ", readers";
        for (const OpenReader& reader : now.open_readers) {
            text << (reader.open == open ? ' ' + Names().name(reader.client) : "");
        }
        text << '\n';
    }
    return text.str();
}

// All that both engines can be asked for, as text.
std::string seen_text(const Input& input, const Outcome& outcome, const Engine& engine) {
    Snapshot now;
    engine.look(now);
    std::ostringstream text;
    for (const std::string& line : outcome_text(input, outcome, Names())) {
        text << "    " << line << '\n';
    }
    const Gauges& gauges = now.gauges;
    const Statistics& counted = now.statistics;
    text << "    " << settings_text(now.settings) << ", poll " << mask_text(now.mask) << ", queued "
         << gauges.queued_messages << '/' << gauges.queued_bytes << ", begun "
         << gauges.begun_messages << ", parked " << gauges.parked_readers << '+'
         << gauges.parked_writers << ", opens " << gauges.opens << ", copies " << gauges.copies
         << "\n    written " << counted.messages_written << '/' << counted.bytes_written
         << ", read " << counted.messages_read << '/' << counted.bytes_read << ", overwritten "
         << counted.messages_overwritten << ", truncated " << counted.bytes_truncated
         << ", cleared " << counted.messages_cleared << ", parks " << counted.reader_parks << '+'
         << counted.writer_parks << ", interrupted " << counted.interrupted << "\n    queue"
         << queue_text(now.queue) << '\n'
         << opens_text(engine, now);
    return text.str();
}

class Do final : public Command {
  public:
    explicit Do(Input input) : input_(std::move(input)) {}

    void checkPreconditions(const Model& model) const override { RC_PRE(model.accepts(input_)); }

    void apply(Model& model) const override {
        Outcome outcome;
        model.apply(input_, outcome);
    }

    void run(const Model& before, Core& core) const override {
        Model model = before;
        Outcome predicted;
        Outcome seen;
        Snapshot after;
        model.apply(input_, predicted);
        core.engine->apply(input_, seen);
        core.engine->look(after);
        const std::string wanted = seen_text(input_, predicted, model);
        const std::string got = seen_text(input_, seen, *core.engine);
        if (got != wanted) {
            RC_FAIL("the model:\n" + wanted + "the core:\n" + got);
        }
        if (const auto breach = core.ledger.follow(input_, seen, after)) {
            RC_FAIL("the core breaks a law: " + *breach + "\n" + got);
        }
    }

    void show(std::ostream& out) const override {
        out << input_text(input_, Names(), input_.verb == Verb::read);
    }

  private:
    Input input_;
};

// Bytes that tell where they come from: the message's letter and then digits.
std::string payload(std::size_t size) {
    std::string text(size, '.');
    const auto letter = *rc::gen::inRange('a', '{');
    for (std::size_t at = 0; at < size; ++at) {
        text[at] = at % 8 == 0 ? letter : static_cast<char>('0' + at / 8 % 10);
    }
    return text;
}

// Mostly at the edges: a byte, all, a few, one too many.
std::size_t length(std::uint32_t max_message) {
    return *rc::gen::weightedOneOf<std::size_t>(
        {{3, rc::gen::just<std::size_t>(1)},
         {3, rc::gen::just<std::size_t>(max_message)},
         {6, rc::gen::inRange<std::size_t>(1, max_message + 1)},
         {1, rc::gen::elementOf(std::vector<std::size_t>{0, max_message + 1})}});
}

// One to some frames; seldom too many bytes.
std::vector<std::string> batch(std::uint32_t max_message) {
    std::vector<std::string> frames;
    for (int left = *rc::gen::inRange(0, 7); left > 0; --left) {
        frames.push_back(payload(std::max<std::size_t>(length(max_message), 1)));
    }
    return frames;
}

// Mostly room for the largest frame, or a few.
std::uint64_t batch_count(std::uint32_t max_message) {
    const std::uint64_t least = framed(max_message);
    return *rc::gen::weightedOneOf<std::uint64_t>(
        {{8, rc::gen::inRange<std::uint64_t>(least, 4 * least)},
         {2, rc::gen::just(least)},
         {1, rc::gen::elementOf(std::vector<std::uint64_t>{0, least - 1, 124 * 1024 + 1})}});
}

Verb verb_for(bool parked, bool copying) {
    if (copying) {
        return *rc::gen::weightedElement<Verb>(
            {{6, Verb::copied}, {4, Verb::fault}, {1, Verb::cancel}});
    }
    if (parked) {
        return Verb::cancel;
    }
    return *rc::gen::weightedElement<Verb>({{20, Verb::read},
                                            {20, Verb::write},
                                            {1, Verb::cancel},
                                            {1, Verb::clear},
                                            {2, Verb::open},
                                            {3, Verb::close},
                                            {1, Verb::configure}});
}

// The opens by which that can be done now.
std::vector<std::size_t> opens_for(const Model& model, Verb verb) {
    std::vector<std::size_t> found;
    for (std::size_t open = 0; open < opens; ++open) {
        if (verb == Verb::read ? model.is_open(open)
                               : model.accepts({.verb = verb, .open = open})) {
            found.push_back(open);
        }
    }
    return found;
}

// What a random input is made of: what can be done next is known from the model's state.
struct Possible {
    explicit Possible(const Model& model)
        : max_message(model.settings().max_message), to_open(opens_for(model, Verb::open)),
          to_close(opens_for(model, Verb::close)), to_call(opens_for(model, Verb::read)) {
        for (std::size_t client = 0; client < clients; ++client) {
            parked.push_back(model.is_parked(client));
            copying.push_back(model.is_copying(client));
        }
    }

    std::uint32_t max_message;
    std::vector<std::size_t> to_open;
    std::vector<std::size_t> to_close;
    std::vector<std::size_t> to_call;
    std::vector<bool> parked;
    std::vector<bool> copying;
};

Input random_call(const Possible& now, Input input) {
    input.batch = *rc::gen::weightedElement<bool>({{2, false}, {1, true}});
    if (input.verb == Verb::read) {
        input.count = input.batch ? batch_count(now.max_message) : length(now.max_message);
    } else if (input.batch) {
        input.frames = batch(now.max_message);
    } else {
        input.payload = payload(length(now.max_message));
    }
    input.open = *rc::gen::elementOf(now.to_call);
    input.nonblocking = *rc::gen::weightedElement<bool>({{4, false}, {1, true}});
    input.user = *rc::gen::inRange<std::size_t>(0, 4);
    return input;
}

Input random_input(const Possible& now) {
    Input input;
    input.client = *rc::gen::inRange<std::size_t>(0, clients);
    input.verb = verb_for(now.parked[input.client], now.copying[input.client]);
    const bool calls = input.verb == Verb::read || input.verb == Verb::write;
    if ((calls && now.to_call.empty()) || (input.verb == Verb::close && now.to_close.empty())) {
        input.verb = now.to_open.empty() ? Verb::clear : Verb::open;
    } else if (input.verb == Verb::open && now.to_open.empty()) {
        input.verb = Verb::clear;
    } else if (calls) {
        return random_call(now, std::move(input));
    }
    if (input.verb == Verb::open) {
        input.open = *rc::gen::elementOf(now.to_open);
    } else if (input.verb == Verb::close) {
        input.open = *rc::gen::elementOf(now.to_close);
    } else if (input.verb == Verb::cancel) {
        input.error = *rc::gen::element(EINTR, ENODEV);
    } else if (input.verb == Verb::configure) {
        input.change = {.mode = *rc::gen::inRange<std::uint32_t>(0, 5),
                        .depth = *rc::gen::inRange<std::uint32_t>(0, 5)};
    }
    return input;
}

rc::Gen<std::shared_ptr<const Command>> next_input(const Model& model) {
    return rc::gen::exec([now = Possible(model)]() -> std::shared_ptr<const Command> {
        return std::make_shared<Do>(random_input(now));
    });
}

void expect_agreement(const Settings& settings, const Limits& limits = {}) {
    const Model start(settings, limits);
    Core core(settings, limits, *rc::gen::element<std::uint32_t>(1, 2, 3, unlimited));
    const auto commands =
        *rc::gen::scale(most_inputs / 100.0, rc::state::gen::commands(start, next_input));
    rc::state::runAll(commands, start, core);
}

} // namespace

RC_GTEST_PROP(Model, AgreesWithTheCoreOnAFifo, ()) {
    expect_agreement({.mode = Mode::fifo,
                      .depth = *rc::gen::element<std::uint32_t>(1, 2, 3, 5, 8),
                      .max_message = *rc::gen::element<std::uint32_t>(1, 2, 5, 40)});
}

RC_GTEST_PROP(Model, AgreesWithTheCoreOnALargeFifo, ()) {
    expect_agreement({.mode = Mode::fifo,
                      .depth = *rc::gen::element<std::uint32_t>(16, 64),
                      .max_message = *rc::gen::element<std::uint32_t>(100, 4096)});
}

RC_GTEST_PROP(Model, AgreesWithTheCoreOnASlot, ()) {
    expect_agreement({.mode = Mode::slot,
                      .depth = 1,
                      .max_message = *rc::gen::element<std::uint32_t>(1, 2, 5, 4096)});
}

RC_GTEST_PROP(Model, AgreesWithTheCoreOnARing, ()) {
    expect_agreement({.mode = Mode::ring,
                      .depth = *rc::gen::element<std::uint32_t>(1, 2, 3, 5),
                      .max_message = *rc::gen::element<std::uint32_t>(1, 2, 5, 40)});
}

RC_GTEST_PROP(Model, AgreesWithTheCoreOnWhoIsTurnedAway, ()) {
    expect_agreement({.mode = *rc::gen::element(Mode::fifo, Mode::fifo, Mode::slot, Mode::ring),
                      .depth = 1,
                      .max_message = *rc::gen::element<std::uint32_t>(1, 5)},
                     {.operations = *rc::gen::inRange<std::uint32_t>(1, 9),
                      .per_user = *rc::gen::inRange<std::uint32_t>(1, 5),
                      .copies = *rc::gen::inRange<std::uint32_t>(1, 4)});
}

} // namespace ipcdev::test
