// SPDX-License-Identifier: MIT
//
// The contract as the shortest program that obeys it: strings in a deque. It
// predicts what a device does, shares no code with the core, and is an Engine
// like it, so that both can be given the same inputs and compared.
//
// It does not predict when the device returns messages and spare pieces. A model can
// be copied, and the copy continues from the same state.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "engine.h"

namespace ipcdev::test {

class Model final : public Engine {
  public:
    explicit Model(const Settings& settings, const Limits& limits = {})
        : settings_(settings), limits_(limits) {}

    void apply(const Input& input, Outcome& outcome) override;
    [[nodiscard]] PollMask mask(std::size_t open) const override;
    void look(Snapshot& snapshot) const override;

    // Whether the input makes sense now.
    [[nodiscard]] bool accepts(const Input& input) const;
    [[nodiscard]] bool is_open(std::size_t open) const { return opens_.contains(open); }
    [[nodiscard]] bool is_parked(std::size_t client) const;
    [[nodiscard]] bool is_copying(std::size_t client) const { return copies_.contains(client); }
    [[nodiscard]] const Settings& settings() const { return settings_; }

  private:
    // Bytes of one message that belong together.
    struct Stretch {
        std::uint32_t message = 0;
        std::uint32_t begin = 0;
        std::uint32_t end = 0;
        bool fresh = false; // joined the queue by the input at hand

        [[nodiscard]] std::uint32_t size() const { return end - begin; }
    };
    using Stretches = std::deque<Stretch>;

    struct Call {
        std::size_t client = 0;
        std::size_t open = 0;
        std::size_t user = 0;
        bool batch = false;
        std::uint64_t count = 0;           // read
        std::uint32_t message = 0;         // write: number of the first
        std::deque<std::string> waiting{}; // write: those that are not in the queue yet
        std::size_t in = 0;                // write: so many are
        std::uint32_t done = 0;            // write: their bytes, or those of their frames
    };

    struct Copy {
        std::size_t open = 0;
        std::size_t user = 0;
        std::vector<Stretch> taken{}; // one, or with batch one a frame
    };

    // What is known of a message until its last byte is gone.
    struct Life {
        std::string text{};
        std::size_t left = 0; // bytes that wait or are being copied
        bool cleared = false; // CLEAR came after it
    };

    void close(std::size_t open);
    void read(const Input& input, Outcome& outcome);
    void write(const Input& input, Outcome& outcome);
    void cancel(const Input& input, Outcome& outcome);
    void copied(std::size_t client);
    void fault(std::size_t client);
    void clear();
    [[nodiscard]] int configure(const SettingsChange& change);

    [[nodiscard]] bool too_many(std::size_t user, bool copy) const;
    void park(const Input& input, std::deque<Call>& calls, const Call& call, Outcome& outcome);
    void serve(Outcome& outcome);
    void serve_readers(Outcome& outcome);
    [[nodiscard]] std::deque<Call>::iterator next_reader();
    void give(const Call& call, bool in_turn, Outcome& outcome);
    void give_frames(const Call& call, bool in_turn, Outcome& outcome);
    [[nodiscard]] bool has_begun(std::size_t open) const;
    [[nodiscard]] const Stretch& next_for(std::size_t open) const;
    [[nodiscard]] Stretch take(std::size_t open, std::uint64_t bytes);
    void begin(Stretches& begun);
    void bring_back(std::size_t open, const Stretch& stretch);
    void queue_again(std::uint32_t message);
    [[nodiscard]] bool queue(Call& call);
    [[nodiscard]] static Completion completion_of(const Call& write);
    void queue(std::uint32_t message, const std::string& text);
    void overwrite_oldest();
    void lose(const Stretch& stretch, Fate fate);
    [[nodiscard]] std::size_t queued_messages() const;
    [[nodiscard]] std::size_t begun_messages() const;
    [[nodiscard]] bool has_room() const;
    [[nodiscard]] std::string text_of(const Stretch& stretch) const;

    Settings settings_;
    Limits limits_;
    Stretches queue_;
    std::map<std::size_t, Stretches> opens_; // with what is left of what each has begun
    std::deque<Call> readers_;               // parked
    std::deque<Call> writers_;               // parked
    std::map<std::size_t, Copy> copies_;     // by client
    std::map<std::uint32_t, Life> lives_;    // by message
    std::uint32_t numbers_ = 0;              // of messages that writes brought so far
    std::optional<std::size_t> regained_;    // the open that the present input gave bytes back
    std::vector<std::size_t> served_;        // the opens whose parked reads it served
    Statistics counted_;
};

} // namespace ipcdev::test
