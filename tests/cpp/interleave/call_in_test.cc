// SPDX-License-Identifier: MIT
//
// Calls in from foreign threads against a stop that releases what they use, and a start after it.
//
// Risks: a call that the stop does not see while it is on its way in, in C, or on its way out, and that goes on with memory that is gone; a
// door that stays open or shut. Each call calls out once: the way from "in, not yet counted" to "in C" is where a count in the wrong order
// misses it. A thread calls twice, so that the second call meets the stop's bit, the start, or both.
#include <doctest/doctest.h>

#include "tests/cpp/interleave/calls_in_scenario.hpp"

namespace causeway::interleave {
namespace {

constexpr uintptr_t kFrame = 64;

// One thread with two calls; a stop, and a start.
template <class Env, class Faults = CallFaults, class GateFaults = crossing::GateFaults>
struct StopAndStart : CallsIn<Env, 1, Faults, GateFaults> {
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    if (self == 1) {
      this->stop();
      this->start();
      return;
    }
    this->call(this->ms[0], kFrame);
    this->call(this->ms[0], kFrame);
  }
};

// Two threads with a call each, and a stop.
template <class Env, class Faults = CallFaults, class GateFaults = crossing::GateFaults>
struct StopTwo : CallsIn<Env, 2, Faults, GateFaults> {
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self == 2) return this->stop();
    this->call(this->ms[self], kFrame);
  }
};

// After a stop: a start and a second stop, against a call that finds its M shut.
template <class Env, class Faults = CallFaults>
struct StartAndStop : CallsIn<Env, 1, Faults> {
  StartAndStop() {
    this->set_phase(Phase::Off);
    this->ms[0].gate.request(crossing::poll::kSlow);
  }
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    if (self == 0) return this->call(this->ms[0], kFrame);
    this->start();
    this->stop();
  }
};

struct PollBeforeStore : crossing::GateFaults {
  static constexpr bool kPollBeforeStore = true;
};
struct AnchorsLast : CallFaults {
  static constexpr bool kAnchorsLast = true;
};
struct AdmitUnlocked : CallFaults {
  static constexpr bool kAdmitUnlocked = true;
};
struct AdmitsOnlyOnce : CallFaults {
  static constexpr bool kAdmitsOnlyOnce = true;
};
struct ShutUnlocked : CallFaults {
  static constexpr bool kShutUnlocked = true;
};
struct PhaseAfterShut : CallFaults {
  static constexpr bool kPhaseAfterShut = true;
};
struct TouchAfterAnchor : CallFaults {
  static constexpr bool kTouchAfterAnchor = true;
};

constexpr Model kModels[] = {Model::Tso, Model::Weak};
constexpr Bounds kDeep{.preemptions = 3, .delays = 2};

TEST_CASE("a stop misses no call in, and a start lets the next one in") {
  for (const Model model : kModels) {
    CHECK(explore<StopAndStart<CheckedEnv>>("call in, stop and start", model, kDeep).green());
    CHECK(explore<StopAndStart<FenceModeEnv>>("call in, stop, barrier=fence", model, {.preemptions = 2, .delays = 2}).green());
    CHECK(explore<StartAndStop<CheckedEnv>>("call in, start and stop", model, kDeep).green());
    CHECK(explore<StopTwo<CheckedEnv>>("call in, two threads", model, {.preemptions = 2, .delays = 1}).green());
  }
}

TEST_CASE("planted: a stop without membarrier, or a call in that reads poll first") {
  for (const Model model : kModels) {
    CHECK(explore<StopAndStart<NoMembarrierEnv>>("planted: shut without membarrier", model, kDeep).red("INV-FM2"));
    CHECK(explore<StopAndStart<CheckedEnv, CallFaults, PollBeforeStore>>("planted: call in, poll first", model, kDeep).red("INV-FM2"));
  }
}

TEST_CASE("planted: the stop reads the anchors after the counters") {
  for (const Model model : kModels)
    CHECK(explore<StopAndStart<CheckedEnv, AnchorsLast>>("planted: anchors last", model, kDeep).red("INV-FM2"));
}

TEST_CASE("planted: kSlow is set or cleared without the table's lock") {
  for (const Model model : kModels) {
    CHECK(explore<StartAndStop<CheckedEnv, AdmitUnlocked>>("planted: admitted without lock", model, kDeep).red("INV-FM2"));
    CHECK(explore<StartAndStop<CheckedEnv, ShutUnlocked>>("planted: shut without lock", model, kDeep).red("INV-FM2"));
  }
}

TEST_CASE("planted: who was admitted does not look at poll again") {
  for (const Model model : kModels)
    CHECK(explore<StartAndStop<CheckedEnv, AdmitsOnlyOnce>>("planted: admitted once", model, kDeep).red("INV-FM2"));
}

TEST_CASE("planted: the Ms are shut before the phase has changed") {
  for (const Model model : kModels)
    CHECK(explore<StartAndStop<CheckedEnv, PhaseAfterShut>>("planted: shut first", model, kDeep).red("INV-FM2"));
}

TEST_CASE("planted: the end of a call touches something after its last store") {
  CHECK(explore<StopAndStart<CheckedEnv, TouchAfterAnchor>>("planted: touch after the anchor", Model::Weak, kDeep).red("INV-FM2"));
}

}  // namespace
}  // namespace causeway::interleave
