// SPDX-License-Identifier: MIT
//
// Leaves out stretches of steps, half of them first, single ones last, then two that stand
// apart, as a parked read and what it gets; makes what is left simpler; again, until nothing
// more can go.
#include "shrink.h"

#include <algorithm>
#include <map>
#include <utility>

namespace ipcdev::differential {

namespace {

class Shrinker {
  public:
    Shrinker(Steps steps, const Shows& shows, const std::function<bool()>& time_is_over)
        : steps_(std::move(steps)), shows_(shows), time_is_over_(time_is_over) {}

    Steps run() {
        for (bool better = true; better && !time_is_over_();) {
            better = leave_out();
            better = leave_out_pairs() || better;
            better = simplify() || better;
        }
        try_out(renamed(steps_));
        return std::move(steps_);
    }

  private:
    // Takes the candidate if it shows a difference.
    bool try_out(const Steps& candidate) {
        if (time_is_over_()) {
            return false;
        }
        Steps played = shows_(candidate);
        if (played.empty()) {
            return false;
        }
        steps_ = std::move(played);
        return true;
    }

    // From the end: what came last is needed most, and is soon found to be.
    bool leave_out() {
        const std::size_t before = steps_.size();
        for (std::size_t length = std::max<std::size_t>(before / 2, 1); length > 0; length /= 2) {
            for (std::size_t end = steps_.size(); end > 0;) {
                const std::size_t begin = end - std::min(length, end);
                Steps candidate = steps_;
                candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(begin),
                                candidate.begin() + static_cast<std::ptrdiff_t>(end));
                try_out(candidate);
                end = std::min(begin, steps_.size());
            }
        }
        return steps_.size() < before;
    }

    // When few steps are left: it takes as many tries as there are pairs.
    bool leave_out_pairs() {
        constexpr std::size_t few = 16;
        bool better = false;
        for (std::size_t last = steps_.size(); last-- > 1 && steps_.size() <= few;) {
            for (std::size_t first = last; first-- > 0 && last < steps_.size();) {
                Steps candidate = steps_;
                candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(last));
                candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(first));
                better = try_out(candidate) || better;
            }
        }
        return better;
    }

    bool simplify() {
        bool better = false;
        for (std::size_t index = 0; index < steps_.size(); ++index) {
            while (index < steps_.size() && simplify(index)) {
                better = true;
            }
        }
        return better;
    }

    bool simplify(std::size_t index) {
        for (const Input& simpler : simpler_than(steps_[index].input)) {
            Steps candidate = steps_;
            candidate[index].input = simpler;
            if (try_out(candidate)) {
                return true;
            }
        }
        return false;
    }

    // The clients and opens in order of first use, as a trace will name them.
    static Steps renamed(Steps steps) {
        std::map<std::size_t, std::size_t> names;
        const auto rename = [&](std::size_t& number) {
            number = names.emplace(number, names.size()).first->second;
        };
        for (Step& step : steps) {
            const Verb verb = step.input.verb;
            if (is_call(step) || verb == Verb::cancel) {
                rename(step.input.client);
            }
            if (is_call(step) || verb == Verb::open || verb == Verb::close) {
                rename(step.input.open);
            }
        }
        return steps;
    }

    // By the client's own open, without one of its frames, with half as many bytes in one,
    // or half as many bytes. None if it is as simple as can be.
    static std::vector<Input> simpler_than(const Input& input) {
        std::vector<Input> simpler;
        const bool calls = input.verb == Verb::read || input.verb == Verb::write;
        if (calls && input.open != input.client) {
            simpler.push_back(input);
            simpler.back().open = input.client;
        }
        for (std::size_t at = 0; input.frames.size() > 1 && at < input.frames.size(); ++at) {
            simpler.push_back(input);
            std::vector<std::string>& frames = simpler.back().frames;
            frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(at));
        }
        for (std::size_t at = 0; at < input.frames.size(); ++at) {
            if (input.frames[at].size() > 1) {
                simpler.push_back(input);
                simpler.back().frames[at].resize(input.frames[at].size() / 2);
            }
        }
        if (input.payload.size() > 1) {
            simpler.push_back(input);
            simpler.back().payload.resize(input.payload.size() / 2);
        }
        if (input.count > 1) {
            simpler.push_back(input);
            simpler.back().count /= 2;
        }
        return simpler;
    }

    Steps steps_;
    const Shows& shows_;
    const std::function<bool()>& time_is_over_;
};

} // namespace

Steps shrunk(Steps steps, const Shows& shows, const std::function<bool()>& time_is_over) {
    return Shrinker(std::move(steps), shows, time_is_over).run();
}

} // namespace ipcdev::differential
