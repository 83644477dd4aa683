// SPDX-License-Identifier: MIT
//
// The sleep word of an M that sleeps in the poller: wakers, who interrupt it, against an M that has the seat, and another M that only looks.
//
// Risk: an interrupt that never comes, or is taken away by an M that only looks; an event whose
// green thread nobody takes; two Ms that wait in one poll, so that one takes the other's interrupt.
//
// The poller is its kernel part: a word of pending events (a bit each, and the eventfd's), on which the seat's poll sleeps while it is zero.
#include <doctest/doctest.h>

#include "runtime/sched/park_word.hpp"
#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {
namespace {

constexpr uint32_t kEventfd = 1, kDescriptor = 2;

// The poller that interrupt() of the word under test means; one scenario runs at a time.
CheckedAtomic<uint32_t>* pending_now = nullptr;

struct CheckedPoller : CheckedFutex {
  static void interrupt() {
    pending_now->fetch_or(kEventfd, std::memory_order_acq_rel);
    Engine::the().futex_wake(pending_now->id());
  }
};

struct Kernel {
  CheckedAtomic<uint32_t> pending{0};
  Kernel() { pending_now = &pending; }

  void raise(uint32_t event) {
    pending.fetch_or(event, std::memory_order_acq_rel);
    Engine::the().futex_wake(pending.id());
  }
  // What epoll_wait gives. A descriptor's event is one-shot, the eventfd's is level-triggered: `clears` says who clears it.
  uint32_t poll(bool waits, bool clears) {
    for (;;) {
      const uint32_t seen = pending.fetch_and(clears ? ~(kEventfd | kDescriptor) : ~kDescriptor, std::memory_order_acq_rel);
      if (seen != 0 || !waits) return seen;
      Engine::the().futex_wait(pending.id(), 0, false);
    }
  }
};

enum class Fault { None, LookClears };

// A waker that interrupts nothing.
struct NoInterrupt : CheckedFutex {
  static void interrupt() {}
};

// Thread 0 has the seat and takes jobs; 1 publishes a job and wakes it; 2 publishes another, or makes an event; 3 only looks.
template <Fault Planted, class Futex>
struct Polling : Scenario {
  Kernel kernel;
  sched::SleepWord<CheckedEnv, Futex> word;
  CheckedAtomic<uint32_t> jobs;
  CheckedAtomic<uint32_t> events;
  Plain<uint32_t> written;

  unsigned threads() const override { return 4; }
  void thread(unsigned self) override {
    if (self == 0) {
      unsigned done = 0;
      while (done < 2) {
        uint32_t seen = 0;
        word.sleep_in([&] { seen = kernel.poll(true, true); });
        if ((seen & kDescriptor) != 0) events.fetch_add(1, std::memory_order_acq_rel);
        if (jobs.load(std::memory_order_relaxed) > 0) done += jobs.exchange(0, std::memory_order_acquire);
        if (events.load(std::memory_order_relaxed) > 0) done += events.exchange(0, std::memory_order_acquire);
      }
      require(written == 1, "not-published");
    } else if (self == 1) {
      written = 1;
      jobs.fetch_add(1, std::memory_order_release);
      word.wake();
    } else if (self == 2) {
      kernel.raise(kDescriptor);
    } else {
      // An M with a P looks. If it takes the event, it hands the green thread to the seat's M as work: publish and wake.
      if ((kernel.poll(false, Planted == Fault::LookClears) & kDescriptor) != 0) {
        events.fetch_add(1, std::memory_order_acq_rel);
        word.wake();
      }
    }
  }
  const char* deadlock_name() const override { return "lost-wakeup"; }
};

// Two Ms wait in one poll, each for a token of its own: what the seat rules out (INV-POLL1).
template <bool OneSeat>
struct TwoSeats : Scenario {
  Kernel kernel;
  sched::SleepWord<CheckedEnv, CheckedPoller> words[2];
  CheckedLock seat;
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self == 2) {
      words[0].wake();
      words[1].wake();
      return;
    }
    for (bool woken = false; !woken;) {
      if (OneSeat) seat.lock();
      woken = words[self].sleep_in([&] { static_cast<void>(kernel.poll(true, true)); });
      if (OneSeat) seat.unlock();
    }
  }
  const char* deadlock_name() const override { return "lost-wakeup"; }
};

TEST_CASE("an M that sleeps in the poller loses no token and no event") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<Polling<Fault::None, CheckedPoller>>("poll word", model, {.preemptions = 2, .delays = 1}).green());
}

TEST_CASE("one seat: of two Ms that would wait in the poller none takes the other's interrupt") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<TwoSeats<true>>("poll word, one seat", model, {.preemptions = 2, .delays = 1}).green());
}

TEST_CASE("planted: two Ms wait in one poll") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<TwoSeats<false>>("planted: two seats", model, {.preemptions = 2, .delays = 1}).red("lost-wakeup"));
}

TEST_CASE("planted: who only looks clears the interrupt") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<Polling<Fault::LookClears, CheckedPoller>>("planted: a look clears the interrupt", model, {.preemptions = 2, .delays = 1})
              .red("lost-wakeup"));
}

TEST_CASE("planted: nobody interrupts the poll") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<Polling<Fault::None, NoInterrupt>>("planted: no interrupt", model, {.preemptions = 2, .delays = 1}).red("lost-wakeup"));
}

}  // namespace
}  // namespace causeway::interleave
