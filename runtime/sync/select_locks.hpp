// SPDX-License-Identifier: MIT
//
// SelectLocks: the locks of all channels of one select, taken together. It lies on the stack of who selects.
//
// Order: by address, each lock once, so that no two selects wait for each other, and a channel may occur in several cases. A call that
// holds one lock only (send, receive, close) never waits for a second one.
//
// A select that parks hands all of them over; the landing site of the switch, which runs when the context is saved, releases them one by
// one. From the first release on a waker may claim the select and resume it, while the landing site still goes through this array:
//
//   INV-SEL1  The array is read for the last time before the last lock is released; and a select leaves only after each lock of the array
//             has been taken once more: by the waker that claimed it, under the lock of the case's channel, or else by itself, when it
//             unlinks the waiters of the cases that were not chosen. So the landing site is done with the array by then.
//
// Not chosen: locking one channel after the other while the ticket is open (two selects that meet would each claim the other; to decide
// it takes a claim of two tickets at once).
#pragma once

#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::sync {

template <class LockType, uint32_t kMax>
class SelectLocks {
 public:
  SelectLocks() noexcept {}  // NOLINT(modernize-use-equals-default): `= default` would clear the array in value-initialisation
  SelectLocks(const SelectLocks&) = delete;
  SelectLocks& operator=(const SelectLocks&) = delete;

  uint32_t size() const noexcept { return n_; }
  LockType& first() const noexcept { return *locks_[0]; }

  // Needs: none of them taken; fewer than kMax in it, or this one in it.
  void add(LockType& lock) noexcept {
    uint32_t at = n_;
    while (at > 0 && address(*locks_[at - 1]) > address(lock)) --at;
    if (at > 0 && locks_[at - 1] == &lock) return;
    for (uint32_t i = n_; i > at; --i) locks_[i] = locks_[i - 1];
    locks_[at] = &lock;
    ++n_;
  }

  void lock_all() noexcept {
    if (n_ == 0) return;
    locks_[0]->lock();
    for (uint32_t i = 1; i < n_; ++i) locks_[i]->lock_same_rank();
  }

  void unlock_all() noexcept {
    for (uint32_t i = 0; i < n_; ++i) locks_[i]->unlock();
  }

  // Before a park that releases first() itself: the others are no longer this thread's, and release_rest() is owed.
  void hand_over_rest() noexcept {
    for (uint32_t i = 1; i < n_; ++i) locks_[i]->hand_over();
  }

  // On the landing site, after first() was released. Needs: more than one, or the object may be gone by now. INV-SEL1
  void release_rest() noexcept {
    const uint32_t n = n_;
    for (uint32_t i = 1; i < n; ++i) locks_[i]->unlock_deferred();
  }

 private:
  static uintptr_t address(const LockType& lock) noexcept { return reinterpret_cast<uintptr_t>(&lock); }

  uint32_t n_ = 0;
  LockType* locks_[kMax];  // [0, n_), by rising address
};

}  // namespace causeway::sync
