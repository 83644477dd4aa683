// SPDX-License-Identifier: MIT
//
// Sleep word and claim word on real threads and the real futex.
//
// Risk: a token lost between look and sleep, two winners of one wait, a stop request that passes a wait unseen. All waits
// have a deadline; 20000 claims by three threads are some milliseconds each way.
#include "runtime/sched/park_word.hpp"

#include <doctest/doctest.h>

#include <mutex>
#include <thread>
#include <vector>

namespace causeway::sched {
namespace {

TEST_CASE("a token that comes first makes the sleep return at once, and two are one") {
  SleepWord<> word;
  CHECK_FALSE(word.try_take());
  word.wake();
  word.wake();
  CHECK(word.sleep());
  CHECK_FALSE(word.try_take());
  word.wake();
  CHECK(word.try_take());
}

TEST_CASE("a sleep without a token ends after its time, and not before") {
  SleepWord<> word;
  const uint64_t begin = os::now_ns();
  CHECK_FALSE(word.sleep(2'000'000));
  CHECK(os::now_ns() - begin >= 2'000'000);
  word.wake();
  CHECK(word.sleep(2'000'000));
}

TEST_CASE("two threads that wake each other in turn lose no token") {
  SleepWord<> words[2];
  constexpr int kRounds = 5000;
  int plain = 0;  // touched in turn, so the tokens order it
  const auto play = [&](int self) {
    for (int i = 0; i < kRounds; ++i) {
      if (!words[self].sleep(10'000'000'000)) return;
      ++plain;
      words[1 - self].wake();
    }
  };
  std::thread other([&] { play(1); });
  words[0].wake();
  play(0);
  other.join();
  CHECK(plain == 2 * kRounds);
}

TEST_CASE("a wait is claimed once, by its ticket, while it is open") {
  ClaimWord<> word;
  CHECK_FALSE(word.try_cancel());
  const uint64_t first = word.begin(Claimers::Timer);
  CHECK(word.ticket() == first);
  CHECK_FALSE(word.try_cancel());  // not cancellable
  CHECK_FALSE(word.claim(first - 1, WaitEnd::Woken));
  CHECK(word.claim(first, WaitEnd::TimedOut));
  CHECK_FALSE(word.claim(first, WaitEnd::Woken));
  CHECK(word.finish() == WaitEnd::TimedOut);
  CHECK_FALSE(word.claim(first, WaitEnd::Woken));

  const uint64_t second = word.begin(Claimers::Anybody);
  CHECK(second == first + 1);
  CHECK_FALSE(word.claim(first, WaitEnd::Woken));  // stale
  CHECK(word.try_cancel());
  CHECK_FALSE(word.claim(second, WaitEnd::Woken));
  CHECK(word.finish() == WaitEnd::Cancelled);
  CHECK_FALSE(word.try_cancel());

  const uint64_t third = word.begin(Claimers::Anybody);
  CHECK(word.claim(third, WaitEnd::Woken));
  CHECK(word.finish() == WaitEnd::Woken);
}

TEST_CASE("a stop request is seen by a wait that opens later") {
  ClaimWord<> word;
  ClaimWord<>::Flag stop{0};
  word.begin(Claimers::Anybody);
  CHECK_FALSE(word.stop_seen(stop));
  ClaimWord<>::request_stop(stop);
  CHECK(word.stop_seen(stop));
}

TEST_CASE("of a waker, a timer and a stop request exactly one ends each wait") {
  constexpr uint64_t kRounds = 20000;
  ClaimWord<> word;
  std::mutex object;
  std::atomic<uint64_t> ticket{0}, wins{0};
  std::atomic<uint32_t> ended[3] = {};
  const auto claimer = [&](int who) {
    for (uint64_t seen = 0; seen < kRounds;) {
      const uint64_t now = ticket.load(std::memory_order_acquire);
      if (now == seen) {
        std::this_thread::yield();
        continue;
      }
      seen = now;
      const bool won = who == 0   ? word.claim(now, WaitEnd::Woken)
                       : who == 1 ? word.claim_and_pass(now, WaitEnd::TimedOut, object)
                                  : word.try_cancel();
      if (won) {
        ended[who].fetch_add(1);
        wins.fetch_add(1, std::memory_order_release);
      }
    }
  };
  std::vector<std::thread> threads;
  for (int who = 0; who < 3; ++who) threads.emplace_back(claimer, who);
  uint32_t finished[3] = {};
  for (uint64_t round = 1; round <= kRounds; ++round) {
    ticket.store(word.begin(Claimers::Anybody), std::memory_order_release);
    while (wins.load(std::memory_order_acquire) < round) std::this_thread::yield();
    ++finished[static_cast<int>(word.finish())];
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wins.load() == kRounds);
  for (int who = 0; who < 3; ++who) CHECK(finished[who] == ended[who].load());
}

}  // namespace
}  // namespace causeway::sched
