// SPDX-License-Identifier: MIT
//
// A call in that its host suspended in C on one thread and goes on with on another, beside a stop.
//
// Risk: a stop that counts what is inside M by M, or meets the call between its two Ms, and finds nobody: it releases the stack on which
// the call goes on; and the thread that it left, which calls in and finds what is over in its anchor. Both directions between the Ms, since
// the stop looks at them in one order; and there and back, so that each M has counts of both kinds.
#include <doctest/doctest.h>

#include "tests/cpp/interleave/calls_in_scenario.hpp"

namespace causeway::interleave {
namespace {

constexpr uintptr_t kFrame = 64, kOther = 128;

// A call in that began on M From and is in C there; its thread has gone on with something else.
template <class Env, unsigned From, class Faults>
struct Suspended : CallsIn<Env, 2, Faults> {
  static constexpr unsigned kTo = 1 - From;
  using Base = CallsIn<Env, 2, Faults>;
  using typename Base::M;
  // Of the green thread. Hints to all but the thread that it runs on.
  CheckedAtomic<uint32_t> g_m{From};
  CheckedAtomic<uintptr_t> sp{kFrame};

  Suspended() {
    this->begin(this->ms[From]);
    this->call_out(this->ms[From], kFrame);
  }
  // As resumed() and the end of a call out.
  void resume_on(unsigned to) {
    M& from = this->ms[g_m.load(std::memory_order_relaxed)];
    sched::take_over<Faults>(from, this->ms[to]);
    g_m.store(to, std::memory_order_relaxed);
    sp.store(0, std::memory_order_relaxed);
    this->call_out_ends(this->ms[to]);
  }
  // The record of the moved call's green thread is one of the first runtime's.
  bool is_there() {
    require(!this->released && this->runtime == 1, "INV-SH3");
    return g_m.load(std::memory_order_relaxed) == From && sp.load(std::memory_order_relaxed) != 0;
  }
  // A call in by the thread of M From, whose anchor is what the moved call left there, or leaves there while we run.
  void call_beside() {
    M& m = this->ms[From];
    uintptr_t before = m.gate.own_anchor();
    if (before == crossing::kIdleAnchor) return this->call(m, kOther);
    if (Faults::kLooksFirst) static_cast<void>(is_there());
    if (!this->begin(m, before)) return;
    this->end(m, before != crossing::kIdleAnchor && is_there() ? before : crossing::kIdleAnchor);
  }
};

template <class Env, unsigned From, class Faults = CallFaults>
struct Moved : Suspended<Env, From, Faults> {
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    if (self == 1) return this->stop();
    this->resume_on(this->kTo);
    this->end(this->ms[this->kTo]);
  }
};

// The thread that it left calls in as well.
template <class Env, unsigned From, class Faults = CallFaults>
struct MovedBeside : Suspended<Env, From, Faults> {
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self == 1) return this->stop();
    if (self == 2) return this->call_beside();
    this->resume_on(this->kTo);
    this->end(this->ms[this->kTo]);
  }
};

// The same while the runtime stops and starts: what the moved call left is of an earlier runtime then.
template <class Env, unsigned From, class Faults = CallFaults>
struct MovedAndStarted : MovedBeside<Env, From, Faults> {
  void thread(unsigned self) override {
    MovedBeside<Env, From, Faults>::thread(self);
    if (self == 1) this->start();
  }
};

// There and back: it calls out again where it was resumed, and ends where it began.
template <class Env, unsigned From, class Faults = CallFaults>
struct MovedTwice : Suspended<Env, From, Faults> {
  CheckedAtomic<uint32_t> handed{0};  // the host's own way of passing a coroutine on
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self == 1) return this->stop();
    if (self == 0) {
      this->resume_on(this->kTo);
      this->sp.store(kFrame, std::memory_order_relaxed);
      this->call_out(this->ms[this->kTo], kFrame);
      handed.store(1, std::memory_order_release);
      CheckedFutex::wake_one(handed);
      return;
    }
    while (handed.load(std::memory_order_acquire) == 0) CheckedFutex::wait(handed, 0, UINT64_MAX);
    this->resume_on(From);
    this->end(this->ms[From]);
  }
};

struct GoneFirst : CallFaults {
  static constexpr bool kGoneFirst = true;
};
struct LooksFirst : CallFaults {
  static constexpr bool kLooksFirst = true;
};
struct KeepsAnchor : CallFaults {
  static constexpr bool kKeepsAnchor = true;
};
struct EachByItself : CallFaults {
  static constexpr bool kEachByItself = true;
};

constexpr Model kModels[] = {Model::Tso, Model::Weak};
constexpr Bounds kDeep{.preemptions = 3, .delays = 2};
constexpr Bounds kThree{.preemptions = 2, .delays = 1};

TEST_CASE("a stop misses no call in that a host moves to another thread") {
  for (const Model model : kModels) {
    CHECK(explore<Moved<CheckedEnv, 0>>("moved call, first to second M", model, kDeep).green());
    CHECK(explore<Moved<CheckedEnv, 1>>("moved call, second to first M", model, kDeep).green());
    CHECK(explore<Moved<FenceModeEnv, 1>>("moved call, barrier=fence", model, kThree).green());
    CHECK(explore<MovedBeside<CheckedEnv, 0>>("moved call, another beside", model, kThree).green());
    CHECK(explore<MovedBeside<CheckedEnv, 1>>("moved call, another beside, back", model, kThree).green());
    CHECK(explore<MovedTwice<CheckedEnv, 0>>("moved call, there and back", model, kThree).green());
  }
}

TEST_CASE("what a moved call left in an anchor is not looked at when its runtime has ended") {
  for (const Model model : kModels) CHECK(explore<MovedAndStarted<CheckedEnv, 0>>("moved call, stop and start", model, kThree).green());
}

TEST_CASE("planted: a call in looks at what a moved call left before it has come in, or leaves it to the next runtime") {
  for (const Model model : kModels) {
    CHECK(explore<MovedAndStarted<CheckedEnv, 0, LooksFirst>>("planted: looks at the anchor first", model, kThree).red("INV-SH3"));
    CHECK(explore<MovedAndStarted<CheckedEnv, 0, KeepsAnchor>>("planted: anchor kept", model, kThree).red("INV-SH3"));
  }
}

TEST_CASE("planted: a moved call is taken off its old M before it is counted at its new one") {
  for (const Model model : kModels) {
    CHECK(explore<Moved<CheckedEnv, 0, GoneFirst>>("planted: moved, gone first", model, kDeep).red("INV-FM2"));
    CHECK(explore<Moved<CheckedEnv, 1, GoneFirst>>("planted: moved, gone first, back", model, kDeep).red("INV-FM2"));
  }
}

TEST_CASE("planted: the stop counts one M after the other") {
  for (const Model model : kModels) {
    CHECK(explore<Moved<CheckedEnv, 1, EachByItself>>("planted: each M by itself", model, kDeep).red("INV-FM2"));
    CHECK(explore<MovedTwice<CheckedEnv, 0, EachByItself>>("planted: each M by itself, twice", model, kThree).red("INV-FM2"));
  }
}

}  // namespace
}  // namespace causeway::interleave
