// SPDX-License-Identifier: MIT
//
// Falling asleep and being woken: no wake-up is lost, and who is asleep stays asleep.
//
// Risk: work published in the moment in which the last M decides to sleep. That moment is hit by waking at random distances after the
// runtime has become idle, thousands of times; a loss shows as a hang, which the deadline of the join makes a failure.
#include <sys/resource.h>

#include <random>
#include <vector>

#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;

// Spins for a while without a call of ours.
void spin(unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) asm volatile("");
}

}  // namespace

TEST_CASE("a spawn from outside is never lost, however long the runtime has been idle") {
  for (const unsigned processors : {1u, 2u, 4u}) {
    CAPTURE(processors);
    Runtime runtime(processors);
    std::minstd_rand random(processors);
    for (int i = 0; i < 3000; ++i) {
      auto task = spawn([] { return 1; });
      const auto result = task.try_join_for(kLimit);
      REQUIRE(result.has_value());
      spin(static_cast<unsigned>(random() % 3000));
    }
  }
}

TEST_CASE("a waker outside and a green thread that falls asleep never miss each other") {
  Runtime runtime(2);
  constexpr int kRounds = 3000;
  std::vector<std::thread> threads;
  for (int pair = 0; pair < 2; ++pair)
    threads.emplace_back([pair] {
      causeway::event there, back;
      auto green = spawn([&] {
        for (int i = 0; i < kRounds; ++i) {
          if (!there.wait_for(kLimit)) return false;
          back.set();
        }
        return true;
      });
      std::minstd_rand random(static_cast<unsigned>(pair) + 7);
      bool good = true;
      for (int i = 0; i < kRounds && good; ++i) {
        spin(static_cast<unsigned>(random() % 2000));
        there.set();
        good = back.wait_for(kLimit);
      }
      if (!green.join() || !good) std::abort();
    });
  for (auto& thread : threads) thread.join();
}

TEST_CASE("one wake-up sets off as many workers as there is work for, and no crowd") {
  Runtime runtime(4);
  for (int i = 0; i < 200; ++i) spawn([] { return 1; }).join();
  // One green thread at a time. One worker for each processor, and the start's own, which had none yet when the first spawn came; a few more
  // where a worker lost its processor while it did not run, and with migrate=always, which wants a worker that the green thread was not on.
  // A worker for each wake-up would be some two hundred.
  CHECK(causeway::stats().workers <= 20);
}

TEST_CASE("an idle runtime with a far timer sleeps") {
  Runtime runtime(4);
  auto sleeper = spawn([] { return status_of([] { causeway::this_green::sleep_for(1h); }); });
  CHECK(eventually([] { return causeway::stats().greens_parked == 1; }));
  // The monitor takes a few ticks of 10 ms until it is convinced. Then nobody of us wakes; this loop itself is this thread's business.
  struct rusage before{}, after{};
  const auto switches = [&] { return after.ru_nvcsw - before.ru_nvcsw; };
  CHECK(eventually([&] {
    getrusage(RUSAGE_SELF, &before);
    std::this_thread::sleep_for(100ms);  // what is looked at is what happens in that time
    getrusage(RUSAGE_SELF, &after);
    return switches() <= 4;  // our own sleep, and what the C library or a sanitizer does
  }));
  sleeper.request_stop();
  CHECK(sleeper.join() == CW_E_CANCELLED);
}
