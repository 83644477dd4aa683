// SPDX-License-Identifier: MIT
//
// Callbacks that are called while they are closed, ended, and their records used again: INV-CA1 to 4 (crossing/callee.hpp), INV-SL1 (closure/slot.hpp).
//
// Risks: a call that runs when close_and_wait() has returned, or while the functor ends; a closer who sleeps though the last call has told
// others; a released callback that nobody ends; a late call that runs another type's callback, or reads its fallback.
#include <doctest/doctest.h>

#include "tests/cpp/interleave/close_scenario.hpp"

namespace causeway::interleave {
namespace {

using crossing::Callee;

// Thread 0 calls twice; thread 1 closes, waits and ends.
template <class Env, uintptr_t Bits = 0, class Faults = CloseFaults>
struct CallAndClose : CloseScenario<Env, 1, 1, Faults> {
  CallAndClose() : CloseScenario<Env, 1, 1, Faults>(Bits) {}
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    auto& record = this->records[0];
    if (self == 0) {
      const bool first = this->call(0, record, kTypeA);
      require(!this->call(0, record, kTypeA) || first, "opened-again");
      return;
    }
    this->close_and_wait(1, record);
    this->end(record);
  }
  void finally() override { require(!this->call(0, this->records[0], kTypeA), "runs-after-close"); }
};

// The same by one who does not wait: it ends the callback if there is nobody.
template <class Env, class Faults = CloseFaults>
struct CallAndTry : CloseScenario<Env, 1, 1, Faults> {
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    if (self == 0) this->call(0, this->records[0], kTypeA);
    else if (this->close_and_wait(1, this->records[0], false)) this->end(this->records[0]);
  }
};

// Two threads call; one closes.
template <class Env, class Faults = CloseFaults>
struct TwoCallers : CloseScenario<Env, 2, 1, Faults> {
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self < 2) {
      this->call(self, this->records[0], kTypeA);
      return;
    }
    this->close_and_wait(2, this->records[0]);
    this->end(this->records[0]);
  }
};

// Thread 0 calls; two close and wait.
template <class Env, class Faults = CloseFaults>
struct TwoClosers : CloseScenario<Env, 1, 1, Faults> {
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self == 0) this->call(0, this->records[0], kTypeA);
    else this->close_and_wait(self, this->records[0]);
  }
  void finally() override { this->end(this->records[0]); }
};

// Thread 0 calls one callback, then another; thread 1 closes the first. What it finds in the record is never that one's null.
template <class Env, class Faults = CloseFaults>
struct NextCall : CloseScenario<Env, 1, 2, Faults> {
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    if (self == 0) {
      this->call(0, this->records[0], kTypeA);
      require(this->call(0, this->records[1], kTypeA), "refused");
      return;
    }
    this->close_and_wait(1, this->records[0]);
    this->end(this->records[0]);
  }
};

// Thread 0 calls the old callback, thread 1 ends it, makes another one of its record, calls that, and closes it too.
template <class Env, class Faults = CloseFaults>
struct UseAgain : CloseScenario<Env, 2, 1, Faults> {
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    auto& record = this->records[0];
    if (self == 0) {
      this->call(0, record, kTypeA);
      this->call(0, record, kTypeA);
      return;
    }
    this->close_and_wait(1, record);
    this->end(record);
    if (!this->use_again(record, kTypeB)) return;
    require(this->call(1, record, kTypeB), "refused");
    this->close_and_wait(1, record);
    this->end(record);
  }
};

// Two late calls of a dead callback, whose record somebody wants.
template <class Env, class Faults = CloseFaults>
struct LateCalls : CloseScenario<Env, 2, 1, Faults> {
  LateCalls() : CloseScenario<Env, 2, 1, Faults>(Callee::kClosed) { this->records[0].closed = this->records[0].ended = true; }
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self < 2) require(!this->call(self, this->records[0], kTypeA), "runs-after-close");
    else static_cast<void>(this->use_again(this->records[0], kTypeB));
  }
  void finally() override { require(this->records[0].lost == 0, "lost-fallback"); }
};

// Thread 0 calls; the others release a callback each, of which one may be in use. In the end all have ended.
template <class Env, unsigned Releasers, class Faults = CloseFaults>
struct Releases : CloseScenario<Env, 1, Releasers, Faults> {
  unsigned threads() const override { return 1 + Releasers; }
  void thread(unsigned self) override {
    if (self == 0) this->call(0, this->records[0], kTypeA);
    else this->release(self, this->records[self - 1]);
  }
  void finally() override {
    for (auto& each : this->records) require(each.ended, "not-ended");
  }
};

// A callback that is not ended is not what is looked for here.
struct ReleaseUnfenced : Releases<NoMembarrierEnv, 1> {
  void finally() override {}
};

// Planted: the first call clears kFresh by a load and a store.
struct StoredFirstCall : CheckedEnv {
  template <class T>
  struct atomic : CheckedAtomic<T> {
    using CheckedAtomic<T>::CheckedAtomic;
    bool compare_exchange_strong(T& expected, T value, std::memory_order, std::memory_order failure) {
      const T now = this->load(failure);
      const bool same = now == expected;
      if (same) this->store(value, std::memory_order_release);
      expected = now;
      return same;
    }
  };
};

#define CW_FAULT(Name, member)           \
  struct Name : CloseFaults {            \
    static constexpr bool member = true; \
  }
CW_FAULT(StateFirst, kStateFirst);
CW_FAULT(RareFirst, kRareFirst);
CW_FAULT(FirstCallIsSilent, kFirstCallIsSilent);
CW_FAULT(OwnMarksOnly, kOwnMarksOnly);
CW_FAULT(NoSecondLook, kNoSecondLook);
CW_FAULT(SleepsBlindly, kSleepsBlindly);
CW_FAULT(ForgetsEnds, kForgetsEnds);
CW_FAULT(ReadsUncounted, kReadsUncounted);
CW_FAULT(ClaimsByState, kClaimsByState);
CW_FAULT(EveryType, kEveryType);
#undef CW_FAULT

constexpr Model kModels[] = {Model::Tso, Model::Weak};
constexpr Bounds kDeep{.preemptions = 3, .delays = 2};

TEST_CASE("no call runs when who closed its callback has waited, and none while it ends") {
  for (const Model model : kModels) {
    CHECK(explore<CallAndClose<CheckedEnv>>("close, call", model, kDeep).green());
    CHECK(explore<CallAndClose<CheckedEnv, Callee::kFresh>>("close, first call", model, kDeep).green());
    CHECK(explore<CallAndClose<FenceModeEnv, Callee::kFresh>>("close, first call, barrier=fence", model).green());
    CHECK(explore<CallAndClose<FenceModeEnv>>("close, call, barrier=fence", model).green());
    CHECK(explore<CallAndTry<CheckedEnv>>("close, call, no wait", model, kDeep).green());
    CHECK(explore<NextCall<CheckedEnv>>("close, next call", model, kDeep).green());
    CHECK(explore<TwoCallers<CheckedEnv>>("close, two callers", model).green());
  }
}

TEST_CASE("two who wait for the same call are both told of its end") {
  for (const Model model : kModels) {
    CHECK(explore<TwoClosers<CheckedEnv>>("close, two closers", model, kDeep).green());
    CHECK(explore<TwoClosers<FenceModeEnv>>("close, two closers, barrier=fence", model).green());
  }
}

TEST_CASE("a late call runs no other type's callback and reads no other's fallback; it gets its own until the slot is used again") {
  for (const Model model : kModels) {
    CHECK(explore<UseAgain<CheckedEnv>>("close, used again", model, kDeep).green());
    CHECK(explore<LateCalls<CheckedEnv>>("close, late calls", model).green());
  }
}

TEST_CASE("released callbacks end, by who releases or by the last call") {
  for (const Model model : kModels) {
    CHECK(explore<Releases<CheckedEnv, 1>>("close, release", model, kDeep).green());
    CHECK(explore<Releases<CheckedEnv, 2>>("close, two releases", model).green());
  }
}

TEST_CASE("planted: no membarrier between closing and the look at the calls") {
  for (const Model model : kModels) {
    CHECK(explore<CallAndTry<NoMembarrierEnv>>("planted: close without membarrier", model).red("runs-after-close"));
    CHECK(explore<ReleaseUnfenced>("planted: release without membarrier", model).red("INV-CA1"));
  }
}

TEST_CASE("planted: a call in reads the state before it says what it calls, or `rare` before it takes that back") {
  for (const Model model : kModels) {
    CHECK(explore<CallAndClose<CheckedEnv, 0, StateFirst>>("planted: state first", model).red("runs-after-close"));
    CHECK(explore<CallAndClose<CheckedEnv, 0, RareFirst>>("planted: rare first", model).red("lost-wakeup"));
  }
}

TEST_CASE("planted: a first call that is not announced, or by a store") {
  for (const Model model : kModels) {
    CHECK(
        explore<CallAndClose<CheckedEnv, Callee::kFresh, FirstCallIsSilent>>("planted: silent first call", model).red("runs-after-close"));
    CHECK(explore<CallAndClose<StoredFirstCall, Callee::kFresh>>("planted: first call by a store", model).red("runs-after-close"));
  }
}

TEST_CASE("planted: a closer sleeps on a mark that another one has set too late") {
  for (const Model model : kModels) {
    CHECK(explore<TwoClosers<CheckedEnv, OwnMarksOnly>>("planted: own marks only", model, {.preemptions = 3, .delays = 2, .in_full = true})
              .red("lost-wakeup"));
    CHECK(explore<CallAndClose<CheckedEnv, 0, NoSecondLook>>("planted: no second look", model).red("lost-wakeup"));
    CHECK(explore<Releases<CheckedEnv, 1, NoSecondLook>>("planted: settled without a second look", model).red("not-ended"));
  }
}

TEST_CASE("planted: the number of ends is not compared before the wait, or when the rest is put back") {
  for (const Model model : kModels) {
    CHECK(explore<CallAndClose<CheckedEnv, 0, SleepsBlindly>>("planted: sleeps blindly", model, kDeep).red("lost-wakeup"));
    CHECK(explore<Releases<CheckedEnv, 1, ForgetsEnds>>("planted: ends forgotten", model, kDeep).red("not-ended"));
  }
}

TEST_CASE("planted: a late call that is not counted, loses its fallback to a claim that fails, or takes any type for its own") {
  CHECK(explore<LateCalls<CheckedEnv, ClaimsByState>>("planted: claimed by the state", Model::Tso).red("lost-fallback"));
  for (const Model model : kModels) {
    CHECK(explore<LateCalls<CheckedEnv, ReadsUncounted>>("planted: uncounted reader", model).red("INV-SL1"));
    CHECK(explore<UseAgain<CheckedEnv, EveryType>>("planted: any type", model, kDeep).red("INV-CA3"));
  }
}

}  // namespace
}  // namespace causeway::interleave
