// SPDX-License-Identifier: MIT
//
// Anchor and poll: calls out against a retaker, hogs against a detacher, both against one that stops the world.
//
// Risks: a P that two threads use, a world that is stopped while managed code runs, a request that nobody sees. The
// owner crosses twice: the second crossing is where a request cleared too early does its harm.
#include "runtime/crossing/gate.hpp"

#include <doctest/doctest.h>

#include "tests/cpp/interleave/gate_scenario.hpp"

namespace causeway::interleave {
namespace {

// Two calls out against a retaker that tries twice.
template <class Env, class Faults = crossing::GateFaults>
struct Retake : GateScenario<Env, Faults> {
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    for (int i = 0; i < 2; ++i) {
      if (self == 0) {
        this->call_out();
        this->touch_p(0);
      } else {
        this->take_away(1, poll::kRetake);
      }
    }
  }
};

// The same with two retakers, of which one may find the other's request.
template <class Env, class Faults = crossing::GateFaults>
struct TwoRetakers : GateScenario<Env, Faults> {
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self != 0) return this->take_away(self, poll::kRetake);
    this->call_out();
    this->touch_p(0);
    this->call_out();
    this->touch_p(0);
  }
};

// A hog: user code that the runtime is entered from twice, against a detacher; and a retaker who must not mind.
template <class Env, bool WithRetaker, class Faults = crossing::GateFaults>
struct Hog : GateScenario<Env, Faults> {
  unsigned threads() const override { return WithRetaker ? 3 : 2; }
  void thread(unsigned self) override {
    if (self == 2) return this->take_away(2, poll::kRetake);
    for (int i = 0; i < 2; ++i) {
      if (self == 1) {
        this->take_away(1, poll::kDetach);
        continue;
      }
      this->user_code();
      this->touch_p(0);
      if (WithRetaker) {
        this->call_out();
        this->touch_p(0);
      }
    }
  }
};

// Stop the world against calls out, with a retaker beside it or not.
template <class Env, bool WithRetaker, class Faults = crossing::GateFaults>
struct StopWorld : GateScenario<Env, Faults> {
  unsigned threads() const override { return WithRetaker ? 3 : 2; }
  void thread(unsigned self) override {
    if (self == 1) return this->stop_the_world();
    if (self == 2) return this->take_away(2, poll::kRetake);
    this->call_out();
    this->managed_code();
    this->touch_p(0);
    this->call_out();
    this->managed_code();
    this->gate.leave(64);
  }
};

struct OwnerClearsRetake : crossing::GateFaults {
  static constexpr bool kOwnerClearsRetake = true;
};
struct PollBeforeStore : crossing::GateFaults {
  static constexpr bool kPollBeforeStore = true;
};
struct OwnerClearsStop : crossing::GateFaults {
  static constexpr bool kOwnerClearsStop = true;
};
struct RetakerClearsStop : crossing::GateFaults {
  static constexpr bool kRetakerClearsStop = true;
};

// The bit that the owner clears comes back when the retaker flips it; the harm comes before.
struct OwnerClears : Retake<CheckedEnv, OwnerClearsRetake> {
  void finally() override {}
};
// Planted in the retaker: it takes a bit that it has not set for its own request.
struct ForeignRequest : TwoRetakers<CheckedEnv> {
  bool requested(uint32_t bit) override {
    gate.request(bit);
    return true;
  }
  void finally() override {}
};

constexpr Model kModels[] = {Model::Tso, Model::Weak};
constexpr Bounds kDeep{.preemptions = 3, .delays = 2};

TEST_CASE("a P that is retaken during a call out is never used by two") {
  for (const Model model : kModels) {
    CHECK(explore<Retake<CheckedEnv>>("gate, retake", model, kDeep).green());
    CHECK(explore<Retake<FenceModeEnv>>("gate, retake, barrier=fence", model, kDeep).green());
    CHECK(explore<TwoRetakers<CheckedEnv>>("gate, two retakers", model).green());
  }
}

TEST_CASE("a P that is detached from a hog is never used by two") {
  for (const Model model : kModels) {
    CHECK(explore<Hog<CheckedEnv, false>>("gate, hog", model, kDeep).green());
    CHECK(explore<Hog<FenceModeEnv, false>>("gate, hog, barrier=fence", model, kDeep).green());
    CHECK(explore<Hog<CheckedEnv, true>>("gate, hog and retake", model).green());
  }
}

TEST_CASE("no managed code runs while the world is stopped") {
  for (const Model model : kModels) {
    CHECK(explore<StopWorld<CheckedEnv, false>>("gate, stop", model, kDeep).green());
    CHECK(explore<StopWorld<FenceModeEnv, false>>("gate, stop, barrier=fence", model, kDeep).green());
    CHECK(explore<StopWorld<CheckedEnv, true>>("gate, stop and retake", model).green());
  }
}

TEST_CASE("planted: no membarrier") {
  for (const Model model : kModels) {
    CHECK(explore<Retake<NoMembarrierEnv>>("planted: retake without membarrier", model).red("double-ownership"));
    CHECK(explore<Hog<NoMembarrierEnv, false>>("planted: detach without membarrier", model).red("double-ownership"));
    CHECK(explore<StopWorld<NoMembarrierEnv, false>>("planted: stop without membarrier", model).red("runs-while-stopped"));
  }
}

TEST_CASE("planted: the owner clears RETAKE") {
  for (const Model model : kModels) CHECK(explore<OwnerClears>("planted: owner clears RETAKE", model, kDeep).red("double-ownership"));
}

TEST_CASE("planted: a retaker goes on although the request was another's") {
  for (const Model model : kModels) CHECK(explore<ForeignRequest>("planted: another's request", model).red("double-ownership"));
}

TEST_CASE("planted: poll is read before the anchor is stored") {
  for (const Model model : kModels) {
    CHECK(explore<Retake<CheckedEnv, PollBeforeStore>>("planted: poll before anchor", model).red("double-ownership"));
    CHECK(explore<StopWorld<CheckedEnv, false, PollBeforeStore>>("planted: poll before anchor, stop", model).red("runs-while-stopped"));
  }
}

TEST_CASE("planted: STOP is cleared by a non-starter") {
  for (const Model model : kModels) {
    CHECK(explore<StopWorld<CheckedEnv, false, OwnerClearsStop>>("planted: owner clears STOP", model).red("runs-while-stopped"));
    CHECK(explore<StopWorld<CheckedEnv, true, RetakerClearsStop>>("planted: retaker clears STOP", model).red("runs-while-stopped"));
  }
}

}  // namespace
}  // namespace causeway::interleave
