// SPDX-License-Identifier: MIT
//
// Select: one party that waits in the queues of two channels under one ticket, against senders, a timer, and another select.
//
// Risks: two wakers take one select; it is resumed before its context is saved, though some of its locks are free already; its stack ends
// while the landing site still reads the array of locks, or while one of its waiters is linked; two selects wait for each other's locks.
// The ticket (ClaimWord) and the array (SelectLocks) are the product's; the steps around them are those of runtime/sync/select.cc.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <vector>

#include "runtime/sched/park_word.hpp"
#include "runtime/sync/select_locks.hpp"
#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {
namespace {

using sched::Claimers;
using sched::WaitEnd;

struct None {
  static constexpr bool kReleaseEarly = false;       // the second lock is free before the context is saved
  static constexpr bool kForgetLoser = false;        // the waiter of the case that was not chosen stays linked
  static constexpr bool kUnlinkWithoutLock = false;  // ... is looked at without its channel's lock
  static constexpr bool kClaimWithoutTicket = false;
  static constexpr bool kLockInCaseOrder = false;
  static constexpr bool kReadAfterLastRelease = false;  // with a single lock the array is looked at when it is free
};
struct ReleaseEarly : None {
  static constexpr bool kReleaseEarly = true;
};
struct ForgetLoser : None {
  static constexpr bool kForgetLoser = true;
};
struct UnlinkWithoutLock : None {
  static constexpr bool kUnlinkWithoutLock = true;
};
struct ClaimWithoutTicket : None {
  static constexpr bool kClaimWithoutTicket = true;
};
struct ReadAfterLastRelease : None {
  static constexpr bool kReadAfterLastRelease = true;
};
struct LockInCaseOrder : None {
  static constexpr bool kLockInCaseOrder = true;
};

// What SelectLocks asks of a lock.
struct SetLock {
  CheckedLock inner;
  void lock() { inner.lock(); }
  void lock_same_rank() { inner.lock(); }
  void unlock() { inner.unlock(); }
  void hand_over() {}
  void unlock_deferred() {
    step("release of a lock by the landing site");
    inner.unlock();
  }
};

struct Party;

struct Waiter {
  Party* who = nullptr;
  uint64_t ticket = 0;
  bool linked = false;  // guarded by its channel
  bool alive = false;   // the frame that it lies in
  bool chosen = false;  // the tag: written by who claimed it, read when it was made ready
};

struct Party {
  sched::ClaimWord<CheckedEnv> word;
  sched::SleepWord<CheckedEnv, CheckedFutex> resumed, switched;
  Plain<uint32_t> context{0, "INV-PARK1"};  // 1: saved
  SetLock* pass = nullptr;                  // Parker::lock: stored before the ticket opens
  uint64_t armed = 0;                       // the timer's ticket, guarded by timer
  CheckedLock timer;
  unsigned readied = 0;  // in this wait
  bool parked = false;

  void ready() {
    require(context == 1, "INV-PARK1");
    require(++readied == 1 && parked, "INV-PARK2");
    resumed.wake();
  }
};

// An unbounded buffer, or (items never used) a place where a sender and a receiver meet.
struct Chan {
  SetLock lock;
  std::vector<Waiter*> receivers, senders;  // guarded by lock, as the rest
  unsigned items = 0;
};

struct Case {
  Chan* channel;
  bool sends;
};

template <class Faults>
struct SelectScenario : Scenario {
  Chan a, b;  // in this order in memory

  static Waiter* pop_claimed(std::vector<Waiter*>& queue) {
    while (!queue.empty()) {
      Waiter* waiter = queue.front();
      require(waiter->alive, "dead-waiter");
      queue.erase(queue.begin());
      waiter->linked = false;
      if (waiter->who->word.claim(waiter->ticket, WaitEnd::Woken) || Faults::kClaimWithoutTicket) return waiter;
    }
    return nullptr;
  }
  static void finish(Waiter* with) {
    if (with == nullptr) return;
    require(with->alive, "dead-waiter");
    Party* who = with->who;
    with->chosen = true;
    who->ready();
  }

  static void send(Chan& channel) {
    channel.lock.lock();
    Waiter* receiver = pop_claimed(channel.receivers);
    if (receiver == nullptr) ++channel.items;
    channel.lock.unlock();
    finish(receiver);
  }

  static void timer_fires(Party& party) {
    party.timer.lock();
    const uint64_t ticket = party.armed;
    party.timer.unlock();
    if (ticket != 0 && party.word.claim_and_pass(ticket, WaitEnd::TimedOut, *party.pass)) party.ready();
  }

  // What a landing site does when the context of `party` is saved; by the party's own thread, or another one.
  template <class Locks>
  void land(Locks& locks) {
    const bool goes_on = !Faults::kReleaseEarly && (locks.size() > 1 || Faults::kReadAfterLastRelease);
    landing_on = goes_on ? &locks : nullptr;
    locks.first().unlock_deferred();
    if (!goes_on) return;
    step("look at the array");
    locks.release_rest();
    landing_on = nullptr;
  }

  // The case that was done, or -1: the time was up. land(locks) is called when the context is saved.
  template <class Land>
  int select(Party& party, const Case (&cases)[2], bool timed, Land landing) {
    sync::SelectLocks<SetLock, 2> locks;
    locks.add(cases[0].channel->lock);
    locks.add(cases[1].channel->lock);
    if (Faults::kLockInCaseOrder) {
      cases[0].channel->lock.lock();
      cases[1].channel->lock.lock();
    } else {
      locks.lock_all();
    }
    for (int i = 0; i < 2; ++i) {
      Chan& channel = *cases[i].channel;
      Waiter* with = pop_claimed(cases[i].sends ? channel.receivers : channel.senders);
      const bool from_buffer = with == nullptr && !cases[i].sends && channel.items != 0;
      if (with == nullptr && !from_buffer) continue;
      if (from_buffer) --channel.items;
      locks.unlock_all();
      finish(with);
      return i;
    }
    Waiter waiters[2];
    party.pass = &locks.first();
    party.readied = 0;
    party.parked = true;
    const uint64_t ticket = party.word.begin(Claimers::Timer);
    for (int i = 0; i < 2; ++i) {
      waiters[i] = {&party, ticket, true, true, false};
      (cases[i].sends ? cases[i].channel->senders : cases[i].channel->receivers).push_back(&waiters[i]);
    }
    if (timed) {
      party.timer.lock();
      party.armed = ticket;
      party.timer.unlock();
    }
    if (Faults::kReleaseEarly) locks.release_rest();
    party.context = 1;
    landing(locks);
    party.resumed.sleep();
    party.context = 0;
    party.parked = false;
    const WaitEnd end = party.word.finish();
    int chosen = -1;
    for (int i = 0; i < 2; ++i)
      if (waiters[i].chosen) chosen = i;
    require((chosen >= 0) == (end == WaitEnd::Woken) && !(waiters[0].chosen && waiters[1].chosen), "INV-SEL2");
    for (int i = 0; i < 2; ++i) {
      if (i == chosen || Faults::kForgetLoser) continue;
      auto& queue = cases[i].sends ? cases[i].channel->senders : cases[i].channel->receivers;
      if (!Faults::kUnlinkWithoutLock) cases[i].channel->lock.lock();
      if (waiters[i].linked) std::erase(queue, &waiters[i]);
      waiters[i].linked = false;
      if (!Faults::kUnlinkWithoutLock) cases[i].channel->lock.unlock();
    }
    left(&locks, waiters);
    return chosen;
  }

  // The frame is gone; kept until the end of the run so that a late look is an assertion, not a crash.
  void left(const void* locks, Waiter (&waiters)[2]) {
    require(landing_on != locks, "INV-SEL1");
    for (Waiter& waiter : waiters) {
      if (!waiter.linked) continue;
      auto* grave = new Waiter(waiter);
      graves.emplace_back(grave);
      grave->alive = false;
      for (auto* queue : {&a.receivers, &a.senders, &b.receivers, &b.senders})
        for (Waiter*& entry : *queue)
          if (entry == &waiter) entry = grave;
    }
  }
  std::vector<std::unique_ptr<Waiter>> graves;
  const void* landing_on = nullptr;  // whose array a landing site on another thread is going through
};

// One green thread receives twice from whichever of two channels; its landing site runs on another thread, as after a switch on an M that
// goes on while a second M resumes the green thread. A sender at each channel, or one and a timer.
template <class Faults, bool Timed, bool OneChannel = false>
struct TwoSenders : SelectScenario<Faults> {
  using Base = SelectScenario<Faults>;
  Party party;
  unsigned received = 0, timeouts = 0, landings = 0;
  bool over = false;
  std::function<void()> land_now;

  unsigned threads() const override { return 4; }
  void thread(unsigned self) override {
    if (self == 0) {
      for (int round = 0; round < 2; ++round) {
        // Without a timer both rounds end by an item; with one, the second round is for what came too late for the first.
        const Case cases[2] = {{OneChannel ? &this->a : &this->b, false}, {&this->a, false}};
        if (Timed && round == 1) break;
        const int which = this->select(party, cases, Timed, [this](auto& locks) {
          land_now = [this, &locks] { this->land(locks); };
          party.switched.wake();
        });
        which < 0 ? ++timeouts : ++received;
      }
      over = true;
      party.switched.wake();
    } else if (self == 1) {
      for (;;) {
        party.switched.sleep();
        if (over) return;
        land_now();
      }
    } else if (self == 2) {
      Base::send(this->a);
    } else if (Timed) {
      Base::timer_fires(party);
    } else {
      Base::send(OneChannel ? this->a : this->b);
    }
  }
  void finally() override {
    require(received + this->a.items + this->b.items == (Timed ? 1 : 2), "lost-item");
    require(this->a.receivers.empty() && this->b.receivers.empty(), "dead-waiter");
  }
  const char* deadlock_name() const override { return "lost-wakeup"; }
  // With a timer that fired before it was armed, nobody may be left to wake the select.
  bool may_end_waiting() const override { return Timed; }
};

// Two selects offer each other both directions at both channels, naming them in opposite order; each has a timer.
template <class Faults>
struct TwoSelects : SelectScenario<Faults> {
  using Base = SelectScenario<Faults>;
  Party first, second;
  int did[2] = {-2, -2};

  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    const auto here = [this](auto& locks) { this->land(locks); };
    if (self == 0) {
      const Case cases[2] = {{&this->a, true}, {&this->b, false}};
      did[0] = this->select(first, cases, true, here);
    } else if (self == 1) {
      const Case cases[2] = {{&this->b, true}, {&this->a, false}};
      did[1] = this->select(second, cases, true, here);
    } else {
      Base::timer_fires(first);
      Base::timer_fires(second);
    }
  }
  void finally() override {
    if (did[0] == -2 || did[1] == -2) {  // one waits for ever: the other's time was up before it came
      require(did[0] == -1 || did[1] == -1, "half-meeting");
      return;
    }
    require((did[0] < 0) == (did[1] < 0), "half-meeting");
    require(did[0] < 0 || did[0] != did[1], "half-meeting");  // the sender's case 0 meets the receiver's case 1
  }
  bool may_end_waiting() const override { return did[0] == -1 || did[1] == -1; }
  const char* deadlock_name() const override { return "lost-meeting"; }
};

constexpr Bounds kBounds{.preemptions = 2, .delays = 1};

TEST_CASE("a select gets exactly one item per call, and none is lost") {
  for (const Model model : {Model::Tso, Model::Weak}) {
    CHECK(explore<TwoSenders<None, false>>("select, two senders", model, kBounds).green());
    CHECK(explore<TwoSenders<None, true>>("select, sender and timer", model, kBounds).green());
    CHECK(explore<TwoSenders<None, false, true>>("select, one channel twice", model, kBounds).green());
  }
}

TEST_CASE("two selects that meet do one case each, and the same one") {
  for (const Model model : {Model::Tso, Model::Weak}) CHECK(explore<TwoSelects<None>>("two selects", model, kBounds).green());
}

TEST_CASE("planted: a lock of a select is released before its context is saved") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<TwoSenders<ReleaseEarly, false>>("planted: select released early", model, kBounds).red("INV-PARK1"));
}

TEST_CASE("planted: a select forgets to unlink the waiter of the other case") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<TwoSenders<ForgetLoser, false>>("planted: select forgets a waiter", model, kBounds).red("dead-waiter"));
}

TEST_CASE("planted: a select looks at its other waiter without the lock") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<TwoSenders<UnlinkWithoutLock, false>>("planted: select unlinks without lock", model, kBounds).red("INV-SEL1"));
}

TEST_CASE("planted: the landing site reads the array when its only lock is free") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<TwoSenders<ReadAfterLastRelease, false, true>>("planted: select read when free", model, kBounds).red("INV-SEL1"));
}

TEST_CASE("planted: a waker takes a select without its ticket") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<TwoSenders<ClaimWithoutTicket, false>>("planted: select without ticket", model, kBounds).red("INV-PARK2"));
}

TEST_CASE("planted: selects lock their channels in the order of their cases") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<TwoSelects<LockInCaseOrder>>("planted: select without lock order", model, kBounds).red("lost-meeting"));
}

}  // namespace
}  // namespace causeway::interleave
