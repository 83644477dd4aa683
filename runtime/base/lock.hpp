// SPDX-License-Identifier: MIT
//
// Lock: the short lock under the runtime's data. Eight bytes of state, one locked instruction to take, none to release.
//
// It guards a few dozen instructions and is never held over a park: who must wait spins shortly, then sleeps in the kernel. It may be
// released on another stack than the one that took it, because parking releases the object's lock after the switch.
//
//   INV-LOCK1  word_ is 1 exactly while somebody holds the lock.
//   INV-LOCK2  Release touches the Lock for the last time in the store that frees it, so the next holder may destroy it.
//
// Release reads the waiter count and then stores, with no fence between: a waiter that counts itself in at that moment is not woken. It
// sleeps with a time-out (50 µs, doubled up to 1 ms), so it is late, never lost. That race is rare; a fence would be paid on every release.
//
// Not chosen: std::mutex (its owner checks and its size; must be released by the same thread); a three-state futex lock (an exchange on
// every release: 5 ns on each channel operation).
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/check.hpp"
#include "runtime/base/config.h"
#include "runtime/base/lock_rank.hpp"

namespace causeway::base {

// Filled by runtime/os: sleeps while `word` is `expected`, up to timeout_ns; may return early. Wakes up to n sleepers of that address,
// which may be gone already.
void lock_word_wait(const std::atomic<uint32_t>& word, uint32_t expected, uint64_t timeout_ns) noexcept;
void lock_word_wake(const std::atomic<uint32_t>& word, int n) noexcept;

class Lock {
 public:
  constexpr explicit Lock(LockRank rank) noexcept : rank_(rank) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  // Blocks:      the thread, shortly
  // Signal-safe: no
  void lock() noexcept {
    if constexpr (kRanked) lock_ranks::acquired(rank_, lock_ranks::Same::Forbidden);
    take();
  }
  // For the second and further locks of one rank, taken in an order that the caller keeps everywhere.
  void lock_same_rank() noexcept {
    if constexpr (kRanked) lock_ranks::acquired(rank_, lock_ranks::Same::Allowed);
    take();
  }
  // Signal-safe: yes
  bool try_lock() noexcept {
    if (!try_take()) return false;
    if constexpr (kRanked) lock_ranks::try_acquired(rank_);
    return true;
  }

  // By the thread that took it, on whatever stack.
  void unlock() noexcept {
    if constexpr (kRanked) lock_ranks::released(rank_);
    give();
  }

  // Another thread will release it: this thread's account of held ranks forgets the lock, which stays taken.
  void hand_over() noexcept {
    if constexpr (kRanked) {
      lock_ranks::released(rank_);
      handed_over_ = true;  // guarded by the lock itself
    }
  }
  // The release that a switch put off: after hand_over() by any thread, else by the thread that took the lock.
  void unlock_deferred() noexcept {
    if constexpr (kRanked) {
      if (handed_over_) handed_over_ = false;
      else lock_ranks::released(rank_);
    }
    give();
  }

  // --- fork(), static_lock.hpp: by the thread that forks, which has no lock of ours; outside of the account of ranks ---
  bool try_lock_for_fork() noexcept { return try_take(); }
  void unlock_after_fork() noexcept { give(); }
  // In the child: whoever holds it or waits for it is not there.
  void free_in_child() noexcept {
    waiters_.store(0, std::memory_order_relaxed);  // relaxed, both: the child has one thread
    word_.store(0, std::memory_order_relaxed);
  }

  // A hint for reports and tests.
  bool is_locked() const noexcept { return word_.load(std::memory_order_relaxed) != 0; }
  LockRank rank() const noexcept { return rank_; }

 private:
  static constexpr bool kRanked = CW_DEBUG_CHECKS != 0;

  bool try_take() noexcept {
    uint32_t expected = 0;
    // acquire: pairs with the release in give(); what the last holder wrote is visible. relaxed on failure: nothing is read then.
    return word_.compare_exchange_strong(expected, 1, std::memory_order_acquire, std::memory_order_relaxed);
  }
  void take() noexcept {
    if (!try_take()) [[unlikely]]
      take_slow();
  }
  CW_COLD void take_slow() noexcept;

  void give() noexcept {
    // relaxed, and before the store: INV-LOCK2; a count that is missed costs the waiter its time-out, see above.
    const bool wake = waiters_.load(std::memory_order_relaxed) != 0;
    // release: publishes what the holder wrote; pairs with the acquire in try_take().
    word_.store(0, std::memory_order_release);
    if (wake) [[unlikely]]
      lock_word_wake(word_, 1);  // the address only: INV-LOCK2
  }

  std::atomic<uint32_t> word_{0};
  std::atomic<uint32_t> waiters_{0};  // threads in take_slow() past their spinning; counts itself out as a holder
  const LockRank rank_;
  bool handed_over_ = false;  // guarded by the lock; debug checks only
};

// Holds a lock for a scope.
class [[nodiscard]] LockGuard {
 public:
  explicit LockGuard(Lock& lock) noexcept : lock_(lock) { lock_.lock(); }
  ~LockGuard() { lock_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Lock& lock_;
};

}  // namespace causeway::base
