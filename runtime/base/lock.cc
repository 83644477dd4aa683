// SPDX-License-Identifier: MIT
#include "runtime/base/lock.hpp"

#include "arch/arch.hpp"

namespace causeway::base {

void Lock::take_slow() noexcept {
  constexpr int kSpins = 100;  // a few µs: longer than what is held normally, shorter than a sleep and a wake-up
  for (int i = 0; i < kSpins; ++i) {
    // relaxed: a hint; the exchange in try_take() orders.
    if (word_.load(std::memory_order_relaxed) == 0 && try_take()) return;
    arch::relax();
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
