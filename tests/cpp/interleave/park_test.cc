// SPDX-License-Identifier: MIT
//
// Park and ready: a green thread that waits in an object twice, against a waker, the timer and a stop request.
//
// Risks: made ready by two, or before its context is saved, or on a stale ticket; a stop request that comes while the
// wait is being opened and is lost. Two waits: the second shows what is left over of the first.
#include "runtime/sched/park_word.hpp"

#include <doctest/doctest.h>

#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {
namespace {

using sched::Claimers;
using sched::WaitEnd;

// Planted faults of the code around the word, which belongs to the protocol (INV-PARK1).
struct None {
  static constexpr bool kPublishBeforeSave = false;  // the object is unlocked before the context is saved
  static constexpr bool kTimerDoesNotPass = false;   // the timer makes ready without passing through the lock
};
struct PublishBeforeSave : None {
  static constexpr bool kPublishBeforeSave = true;
};
struct TimerDoesNotPass : None {
  static constexpr bool kTimerDoesNotPass = true;
};

// What all parties share; the G is thread 0.
template <class Env, class Faults>
struct ParkScenario : Scenario {
  sched::ClaimWord<Env> word;
  typename sched::ClaimWord<Env>::Flag stop;
  sched::SleepWord<Env, CheckedFutex> resumed;  // stands for the run queue: whoever readies the G lets it go on
  CheckedLock object, timer;
  Plain<uint32_t> context{0, "INV-PARK1"};         // 1: saved; written by the parking G, read by who resumes it
  Plain<uint32_t> which_lock{0, "not-published"};  // Parker::lock: written before a wait opens, read by a stop request that won
  Plain<uint32_t> why_stop{0, "not-published"};    // what the requester of a stop wrote before
  bool linked = false;                             // the Waiter is in the object's queue; guarded by object
  uint64_t waiter_ticket = 0;                      // in the Waiter; guarded by object
  unsigned permits = 0;                            // guarded by object
  uint64_t armed = 0;                              // the timer's ticket, guarded by timer
  bool parked = false;                             // between the opening of a wait and its end
  unsigned readied = 0;                            // of this wait

  void ready() {
    require(context == 1, "INV-PARK1");
    require(++readied == 1 && parked, "INV-PARK2");
    resumed.wake();
  }

  // One wait in the object, as WaitScope does it. True: ended by the object, not by timer or stop.
  bool wait_once(Claimers claimers) {
    object.lock();
    if (permits > 0) {
      --permits;
      object.unlock();
      return true;
    }
    which_lock = 1;
    const uint64_t ticket = word.begin(claimers);
    readied = 0;
    parked = true;
    const bool stopped = claimers == Claimers::Anybody && word.stop_seen(stop);
    require(!stopped || why_stop == 1, "not-published");
    if (stopped && word.claim(ticket, WaitEnd::Cancelled)) {
      parked = false;
      word.finish();
      object.unlock();
      return false;
    }
    linked = true;
    waiter_ticket = ticket;
    timer.lock();
    armed = ticket;
    timer.unlock();
    if (Faults::kPublishBeforeSave) object.unlock();
    context = 1;
    if (!Faults::kPublishBeforeSave) object.unlock();  // at the landing site of the switch
    resumed.sleep();
    context = 0;
    parked = false;
    const WaitEnd end = word.finish();
    object.lock();
    require(!(linked && end == WaitEnd::Woken), "linked-after-wake");
    linked = false;
    object.unlock();
    return end == WaitEnd::Woken;
  }

  void wake() {
    object.lock();
    if (linked) {
      linked = false;
      if (word.claim(waiter_ticket, WaitEnd::Woken)) {
        object.unlock();
        return ready();
      }
    }
    ++permits;
    object.unlock();
  }

  void timer_fires() {
    timer.lock();
    const uint64_t ticket = armed;
    timer.unlock();
    if (ticket == 0) return;
    const bool won =
        Faults::kTimerDoesNotPass ? word.claim(ticket, WaitEnd::TimedOut) : word.claim_and_pass(ticket, WaitEnd::TimedOut, object);
    if (won) ready();
  }

  void request_stop() {
    why_stop = 1;
    sched::ClaimWord<Env>::request_stop(stop);
    if (!word.try_cancel()) return;
    require(which_lock == 1, "not-published");
    object.lock();  // INV-PARK1
    object.unlock();
    ready();
  }

  const char* deadlock_name() const override { return "lost-wakeup"; }
};

// The G waits twice; two permits, a timer that fires twice (perhaps with the first ticket), one stop request.
template <class Env, bool WithStop, class Faults = None>
struct ParkReady : ParkScenario<Env, Faults> {
  unsigned threads() const override { return WithStop ? 4 : 3; }
  void thread(unsigned self) override {
    if (self == 0) {
      this->wait_once(Claimers::Anybody);
      this->wait_once(Claimers::Anybody);
    } else if (self == 1) {
      this->wake();
      this->wake();
    } else if (self == 2) {
      this->timer_fires();
      this->timer_fires();
    } else {
      this->request_stop();
    }
  }
};

// Only a stop request can end this wait.
template <class Env>
struct StopOnly : ParkScenario<Env, None> {
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    if (self == 1) return this->request_stop();
    require(!this->wait_once(Claimers::Anybody), "woken-by-nobody");
  }
  const char* deadlock_name() const override { return "lost-cancellation"; }
};

// A wait that only its timer may end besides the object: the stop request passes it by.
template <class Env>
struct NotCancellable : ParkScenario<Env, None> {
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self == 0) require(this->wait_once(Claimers::Timer), "cancelled-though-not-cancellable");
    else if (self == 1) this->request_stop();
    else this->wake();
  }
};

TEST_CASE("a wait ends exactly once, after its context is saved, whoever ends it") {
  for (const Model model : {Model::Tso, Model::Weak}) {
    CHECK(explore<ParkReady<CheckedEnv, false>>("park, waker and timer", model).green());
    CHECK(explore<ParkReady<CheckedEnv, true>>("park, waker, timer and stop", model, {.preemptions = 2, .delays = 1}).green());
    CHECK(explore<NotCancellable<CheckedEnv>>("park, not cancellable", model).green());
  }
}

TEST_CASE("a stop request is never lost, also while the wait is being opened") {
  for (const Model model : {Model::Tso, Model::Weak}) {
    CHECK(explore<StopOnly<CheckedEnv>>("stop request", model, {.preemptions = 3, .delays = 3}).green());
    CHECK(explore<StopOnly<FenceModeEnv>>("stop request, barrier=fence", model, {.preemptions = 3, .delays = 3}).green());
  }
}

TEST_CASE("planted: the park is published before the context is saved") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<ParkReady<CheckedEnv, false, PublishBeforeSave>>("planted: published before saved", model).red("INV-PARK1"));
}

TEST_CASE("planted: the timer makes ready without passing through the lock") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<ParkReady<CheckedEnv, false, TimerDoesNotPass>>("planted: timer does not pass", model).red("INV-PARK1"));
}

TEST_CASE("planted: the stop request issues no membarrier") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<StopOnly<NoMembarrierEnv>>("planted: stop without membarrier", model).red("lost-cancellation"));
}

}  // namespace
}  // namespace causeway::interleave
