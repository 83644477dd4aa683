// SPDX-License-Identifier: MIT
//
// The small words under everything: the internal lock, the thread-local accessor, the wake of a parked OS thread.
//
// lock and this_m are warm and uncontended. The wake is a round trip of two threads through two futex words: two wakes, two sleeps
// and what the kernel needs to switch; half of it is what one wake of a sleeping M costs.
#include <atomic>
#include <thread>

#include <benchmark/benchmark.h>

#include "runtime/base/base.hpp"
#include "runtime/os/os.hpp"

namespace {

void lock_unlock(benchmark::State& state) {
  causeway::base::Lock lock(causeway::base::LockRank::Object);
  for (auto _ : state) {
    lock.lock();
    benchmark::ClobberMemory();
    lock.unlock();
  }
}
BENCHMARK(lock_unlock)->Name("lock/uncontended");

void this_m(benchmark::State& state) {
  for (auto _ : state) { benchmark::DoNotOptimize(causeway::os::this_m()); }
}
BENCHMARK(this_m)->Name("thread_words/this_m");

// Waits until `word` is `value`. acquire: pairs with the release in tell(); only the order of the turns depends on it.
void await(std::atomic<std::uint32_t>& word, std::uint32_t value) {
  for (std::uint32_t seen = word.load(std::memory_order_acquire); seen != value; seen = word.load(std::memory_order_acquire)) {
    causeway::os::futex_wait(word, seen, causeway::os::kForever);
  }
}

// release: pairs with the acquire in await().
void tell(std::atomic<std::uint32_t>& word, std::uint32_t value) {
  word.store(value, std::memory_order_release);
  causeway::os::futex_wake(word, 1);
}

void wake_round_trip(benchmark::State& state) {
  std::atomic<std::uint32_t> there{0};
  std::atomic<std::uint32_t> back{0};
  std::atomic<bool> over{false};
  std::jthread other([&] {
    for (std::uint32_t turn = 1;; ++turn) {
      await(there, turn);
      if (over.load(std::memory_order_relaxed)) {  // relaxed: ordered by the turn
        return;
      }
      tell(back, turn);
    }
  });
  std::uint32_t turn = 0;
  for (auto _ : state) {
    tell(there, ++turn);
    await(back, turn);
  }
  over.store(true, std::memory_order_relaxed);  // relaxed: published by the turn that follows
  tell(there, ++turn);
}
BENCHMARK(wake_round_trip)->Name("wake/parked_thread/round_trip")->UseRealTime();

}  // namespace
