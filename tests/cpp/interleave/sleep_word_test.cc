// SPDX-License-Identifier: MIT
//
// The sleep word of a thread: wakers against a sleeper that sleeps, sleeps for a time, or only looks.
//
// Risk: a token that is lost between look and sleep, or that does not bring along what was written before it.
#include <doctest/doctest.h>

#include "runtime/sched/park_word.hpp"
#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {
namespace {

// Two wakers and a sleeper; what a waker wrote before is visible after.
template <uint64_t TimeoutNs>
struct Sleeping : Scenario {
  sched::SleepWord<CheckedEnv, CheckedFutex> word;
  CheckedAtomic<uint32_t> jobs;
  Plain<uint32_t> written;
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self == 0) {
      unsigned done = 0;
      while (done < 2) {
        word.sleep(TimeoutNs);
        if (jobs.load(std::memory_order_relaxed) > 0) done += jobs.exchange(0, std::memory_order_acquire);
      }
      require(written == 1, "not-published");
      return;
    }
    if (self == 1) written = 1;
    jobs.fetch_add(1, std::memory_order_release);
    word.wake();
  }
  const char* deadlock_name() const override { return "lost-wakeup"; }
};

// A waker that only disturbs a sleeper, or a sleeper that only looks: a token that is taken brings what came before it.
template <bool OnlyIfAsleep>
struct Token : Scenario {
  sched::SleepWord<CheckedEnv, CheckedFutex> word;
  Plain<uint32_t> written{0, "not-published"};
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    if (self == 1) {
      written = 1;
      if (OnlyIfAsleep) word.wake_if_sleeping();
      else word.wake();
    } else if (OnlyIfAsleep ? word.sleep(1) : word.try_take()) {
      require(written == 1, "not-published");
    }
  }
};

TEST_CASE("a sleep word loses no token and publishes what came before it") {
  for (const Model model : {Model::Tso, Model::Weak}) {
    CHECK(explore<Sleeping<UINT64_MAX>>("sleep word", model, {.preemptions = 3, .delays = 2}).green());
    CHECK(explore<Token<true>>("sleep word, wake if asleep", model, {.preemptions = 3, .delays = 2}).green());
    CHECK(explore<Token<false>>("sleep word, look only", model, {.preemptions = 3, .delays = 2}).green());
    CHECK(explore<Sleeping<1>>("sleep word, timed", model, {.preemptions = 2, .delays = 2}).green());
  }
}

}  // namespace
}  // namespace causeway::interleave
