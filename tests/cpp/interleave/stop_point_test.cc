// SPDX-License-Identifier: MIT
//
// The stop point: a wait with a stop token, against the token's request, a waker and the time.
//
// Risks: a request that comes while the wait is being opened or closed and is lost; a waiter that is made ready before its context is saved;
// a party that has returned, and whose frame is gone, while the requester still looks at it. Two waits on one point and one object: the second shows what is left over of the first.
#include "runtime/sched/stop_point.hpp"

#include <doctest/doctest.h>

#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {
namespace {

using sched::Claimers;
using sched::WaitEnd;

// One planted fault each, around or instead of a step of the protocol.
struct None {
  static constexpr bool kBusyAfterReady = false;     // INV-SP3: the point is touched after ready()
  static constexpr bool kDoesNotPass = false;        // INV-PARK1: ready() before the context is saved
  static constexpr bool kEnterBeforeTicket = false;  // registered before the ticket is open: a claim fails, the request is lost
};
struct BusyAfterReady : None {
  static constexpr bool kBusyAfterReady = true;
};
struct DoesNotPass : None {
  static constexpr bool kDoesNotPass = true;
};
struct EnterBeforeTicket : None {
  static constexpr bool kEnterBeforeTicket = true;
};
// INV-SP2: leave() does not see that the requester is busy, and so does not wait for it.
struct LeaveIsBlindEnv : CheckedEnv {
  template <class T>
  class atomic : public CheckedAtomic<T> {
   public:
    using CheckedAtomic<T>::CheckedAtomic;
    T fetch_and(T value, std::memory_order order) {
      constexpr T kBusy = 4;
      return CheckedAtomic<T>::fetch_and(value, order) & static_cast<T>(~kBusy);
    }
  };
};

struct Object {
  CheckedLock lock;
  bool linked = false;         // guarded by lock
  uint64_t waiter_ticket = 0;  // guarded by lock
  unsigned permits = 0;        // guarded by lock
};

template <class Env, class Faults>
struct StopScenario : Scenario {
  struct LockView {
    Object* object;
    void lock() {
      if (!Faults::kDoesNotPass) object->lock.lock();
    }
    void unlock() {
      if (!Faults::kDoesNotPass) object->lock.unlock();
    }
  };
  // As sched::Parker; every look at it is checked to find it there.
  struct Party {
    sched::ClaimWord<Env> claim;
    LockView* lock = nullptr;
  };
  struct CheckedParty {
    StopScenario* all = nullptr;
    struct Claim {
      StopScenario* all = nullptr;
      template <class Lock>
      bool claim_and_pass(uint64_t ticket, WaitEnd why, Lock& object_lock) {
        step("looks at the party");
        require(all->in_frame, "INV-SP2");
        return all->party.claim.claim_and_pass(ticket, why, object_lock);
      }
    } claim;
    LockView* lock = nullptr;
  };

  Object object;
  LockView view{&object};
  Party party;
  CheckedParty checked;
  sched::BasicStopPoint<Env, CheckedParty> point;
  sched::SleepWord<Env, CheckedFutex> resumed;
  Plain<uint32_t> context{0, "INV-PARK1"};
  Plain<uint32_t> why_stop{0, "not-published"};
  bool in_frame = false;    // the party is waiting or on its way in or out
  bool point_alive = true;  // the frame that holds the point
  bool parked = false;
  unsigned readied = 0;

  StopScenario() {
    checked.all = this;
    checked.claim.all = this;
    checked.lock = &view;
    party.lock = &view;
  }

  void ready() {
    require(context == 1, "INV-PARK1");
    require(++readied == 1 && parked, "INV-W1");
    resumed.wake();
  }

  void end_frame() { in_frame = false; }

  // One wait with the point, as WaitScope does it.
  WaitEnd wait_once(bool may_time_out) {
    in_frame = true;
    object.lock.lock();
    if (object.permits > 0) {
      --object.permits;
      object.lock.unlock();
      end_frame();
      return WaitEnd::Woken;
    }
    bool entered = false;
    readied = 0;
    parked = true;
    if (Faults::kEnterBeforeTicket) entered = point.enter(&checked, party.claim.ticket() + 1);
    const uint64_t ticket = party.claim.begin(Claimers::Timer);
    if (!Faults::kEnterBeforeTicket) entered = point.enter(&checked, ticket);
    bool over = false;
    if (!entered) {
      require(why_stop == 1, "not-published");
      over = party.claim.claim(ticket, WaitEnd::Cancelled);
      require(over, "claimed-under-the-lock");
    } else if (may_time_out) {
      over = party.claim.claim(ticket, WaitEnd::TimedOut);  // its deadline was past
    }
    if (over) {
      object.lock.unlock();
    } else {
      object.linked = true;
      object.waiter_ticket = ticket;
      context = 1;
      object.lock.unlock();  // at the landing site
      resumed.sleep();
      context = 0;
    }
    parked = false;
    if (entered) point.leave([](uint32_t) { spin(); });
    const WaitEnd end = party.claim.finish();
    if (!over) {
      object.lock.lock();
      require(!(object.linked && end == WaitEnd::Woken), "linked-after-wake");
      object.linked = false;
      object.lock.unlock();
    }
    end_frame();
    return end;
  }

  void wake() {
    object.lock.lock();
    if (object.linked) {
      object.linked = false;
      if (party.claim.claim(object.waiter_ticket, WaitEnd::Woken)) {
        object.lock.unlock();
        return ready();
      }
    }
    ++object.permits;
    object.lock.unlock();
  }

  void request_stop() {
    why_stop = 1;
    const CheckedParty* who = point.request();
    if (who != nullptr) ready();
    if (Faults::kBusyAfterReady) {
      step("touches the point after ready()");
      require(point_alive || who == nullptr, "INV-SP3");
    }
  }

  const char* deadlock_name() const override { return "lost-cancellation"; }
};

// Only the stop request can end this wait; its frame is gone when it has ended.
template <class Env, class Faults = None>
struct StopAlone : StopScenario<Env, Faults> {
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    if (self == 1) return this->request_stop();
    require(this->wait_once(false) == WaitEnd::Cancelled, "woken-by-nobody");
    this->point_alive = false;
  }
};

// Two waits, the second with a deadline that may be past; two permits and one stop request. The second wait's frame is the first one's.
template <class Env, class Faults = None>
struct StopAndWake : StopScenario<Env, Faults> {
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self == 0) {
      this->wait_once(false);
      this->wait_once(true);
    } else if (self == 1) {
      this->wake();
      this->wake();
    } else {
      this->request_stop();
    }
  }
  const char* deadlock_name() const override { return "lost-wakeup"; }
};

// Two requests (nobody does that, but it is said to be harmless) against one wait.
template <class Env>
struct StopTwice : StopScenario<Env, None> {
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self == 0) {
      require(this->wait_once(false) == WaitEnd::Cancelled, "woken-by-nobody");
    } else {
      this->object.lock.lock();  // orders the two writes of why_stop, which are not the point here
      this->why_stop = 1;
      this->object.lock.unlock();
      if (this->point.request() != nullptr) this->ready();
    }
  }
};

constexpr Bounds kDeep{.preemptions = 3, .delays = 3};

TEST_CASE("a stop token's request is never lost, also while the wait is being opened") {
  for (const Model model : {Model::Tso, Model::Weak}) {
    CHECK(explore<StopAlone<CheckedEnv>>("stop point, alone", model, kDeep).green());
    CHECK(explore<StopTwice<CheckedEnv>>("stop point, two requests", model).green());
  }
}

TEST_CASE("a wait with a stop point ends once, and nobody looks at its party after it has left") {
  for (const Model model : {Model::Tso, Model::Weak}) CHECK(explore<StopAndWake<CheckedEnv>>("stop point, waker and stop", model).green());
}

TEST_CASE("planted: the wait does not stay for a busy requester") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<StopAndWake<LeaveIsBlindEnv>>("planted: leave does not wait", model).red("INV-SP2"));
}

TEST_CASE("planted: the requester touches the point after ready()") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<StopAlone<CheckedEnv, BusyAfterReady>>("planted: busy after ready", model).red("INV-SP3"));
}

TEST_CASE("planted: the requester does not pass through the object's lock") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<StopAlone<CheckedEnv, DoesNotPass>>("planted: stop does not pass", model).red("INV-PARK1"));
}

TEST_CASE("planted: the point is entered before the ticket is open") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<StopAlone<CheckedEnv, EnterBeforeTicket>>("planted: entered before the ticket", model).red("lost-cancellation"));
}

}  // namespace
}  // namespace causeway::interleave
