// SPDX-License-Identifier: MIT
#include "runtime/base/lock.hpp"

#include "arch/arch.hpp"

namespace causeway::base {

void Lock::take_slow() noexcept {
  // Some 190 pauses, a few µs: longer than what is held normally, shorter than a sleep and a wake-up. Further and further apart, because each
  // look takes the line from the holder, who writes to it: with a look after every pause two processors get half as much done. Twice as far
  // apart is better still for short sections and worse for the mutex (bench, rows semaphore and mutex).
  constexpr int kLooks = 10, kLongestPause = 32;
  int pause = 1;
  for (int look = 0; look < kLooks; ++look) {
    // relaxed: a hint; the exchange in try_take() orders.
    if (word_.load(std::memory_order_relaxed) == 0 && try_take()) return;
    for (int i = 0; i < pause; ++i) arch::relax();
    if (pause < kLongestPause) pause *= 2;
  }
  constexpr uint64_t kFirstSleepNs = 50'000, kLongestSleepNs = 1'000'000;
  uint64_t sleep_ns = kFirstSleepNs;
  waiters_.fetch_add(1, std::memory_order_relaxed);  // relaxed: INV-LOCK2's reader may miss it, the time-out makes good
  while (!try_take()) {
    lock_word_wait(word_, 1, sleep_ns);
    sleep_ns = sleep_ns < kLongestSleepNs / 2 ? sleep_ns * 2 : kLongestSleepNs;
  }
  waiters_.fetch_sub(1, std::memory_order_relaxed);  // as the holder: nobody destroys the lock meanwhile
}

}  // namespace causeway::base
