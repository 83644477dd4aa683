// SPDX-License-Identifier: MIT
#include "runtime/sync/mutex.hpp"

#include <atomic>

#include "arch/arch.hpp"
#include "runtime/sched/sched.hpp"
#include "runtime/sync/address_lock.hpp"
#include "runtime/sync/owner.hpp"
#include "runtime/sync/wait_queue.hpp"

namespace causeway::sync {

namespace {

constexpr uint32_t kLocked = CW_ABI_MUTEX_LOCKED;
constexpr uint32_t kWaiters = CW_ABI_MUTEX_WAITERS;
constexpr uint32_t kWoken = CW_ABI_MUTEX_WOKEN;

constexpr uint32_t kMaxLosses = 8;  // wake-ups that find the mutex taken before it is handed over
constexpr uint32_t kSpins = 40;     // a critical section of some hundred instructions ends meanwhile

// Answers for a claimed waiter, in its tag.
constexpr uint32_t kTry = 0;
constexpr uint32_t kHandedOver = 1;

using Word = std::atomic_ref<uint32_t>;

// Takes the mutex if it is free. keep: the bits that stay beside LOCKED.
bool try_take(Word word, uint32_t seen, uint32_t keep) noexcept {
  // acquire: what the last owner did; pairs with the release of the unlock.
  return (seen & kLocked) == 0 &&
         word.compare_exchange_strong(seen, (seen & keep) | kLocked, std::memory_order_acquire, std::memory_order_relaxed);
}

// The same again and again for a short while, where the owner may be running meanwhile.
bool spin_for(const sched::WaitScope& scope, Word word, uint32_t keep) noexcept {
  if (!scope.may_spin()) return false;
  for (uint32_t spin = 0; spin < kSpins; ++spin) {
    arch::relax();
    if (try_take(word, word.load(std::memory_order_relaxed), keep)) return true;
  }
  return false;
}

cw_status owned(cw_abi_mutex& mutex, uintptr_t frame) noexcept {
  set_owner(mutex.owner, frame);
  return CW_OK;
}

}  // namespace

cw_status mutex_lock(cw_abi_mutex& mutex, uintptr_t frame, uint64_t timeout_ns, sched::StopPoint* stop) noexcept {
  Word word(mutex.word);
  // All loads of the word are relaxed: each decision is checked by an exchange.
  if (try_take(word, word.load(std::memory_order_relaxed), kWaiters | kWoken)) return owned(mutex, frame);
  if (timeout_ns == 0) return CW_E_TIMEOUT;
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  if (spin_for(scope, word, kWaiters | kWoken)) return owned(mutex, frame);
  if (owned_by_caller(scope, mutex.owner, frame)) return CW_E_STATE;

  const sched::WaitOptions options{
      .deadline_ns = timeout_ns == CW_FOREVER ? sched::kNoDeadline : sched::deadline_after(timeout_ns),
      .cancellable = false,
      .what = "mutex",
      .stop = stop,
      .object = &mutex,
  };
  base::Lock& lock = address_lock(&mutex);
  uint32_t losses = 0;
  uint32_t mine = 0;  // kWoken while we are the woken waiter: INV-MX2
  for (;;) {
    lock.lock();
    uint32_t seen = word.load(std::memory_order_relaxed);
    for (;;) {
      if (try_take(word, seen, ~mine)) {
        lock.unlock();
        return owned(mutex, frame);
      }
      // INV-MX1. acq_rel is not needed: whoever clears LOCKED next sees WAITERS in its exchange and then takes the lock.
      if ((seen & kLocked) != 0 &&
          word.compare_exchange_strong(seen, (seen | kWaiters) & ~mine, std::memory_order_relaxed, std::memory_order_relaxed))
        break;
      seen = word.load(std::memory_order_relaxed);
    }
    Waiter waiter;
    waiter.slot = &losses;
    scope.prepare(waiter, options);
    WaitQueue queue(mutex.waiters);
    if (losses == 0) queue.push_back(waiter);
    else queue.push_front(waiter);  // it was first already
    const sched::WaitEnd end = scope.park_and_unlock(lock);
    if (end != sched::WaitEnd::Woken) {
      lock.lock();
      if (waiter.linked) queue.remove(waiter);
      if (queue.empty()) word.fetch_and(~kWaiters, std::memory_order_relaxed);  // INV-MX1
      lock.unlock();
      return end == sched::WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED;
    }
    if (waiter.tag == kHandedOver) return owned(mutex, frame);
    mine = kWoken;
    if (try_take(word, word.load(std::memory_order_relaxed), ~mine) || spin_for(scope, word, ~mine)) return owned(mutex, frame);
    ++losses;
  }
}

cw_status mutex_unlock(cw_abi_mutex& mutex) noexcept {
  Word word(mutex.word);
  uint32_t seen = word.load(std::memory_order_relaxed);
  for (;;) {
    if ((seen & kLocked) == 0) return CW_E_STATE;
    if ((seen & kWaiters) != 0 && (seen & kWoken) == 0) break;
    // Nobody waits, or somebody is on his way already. release: what the owner did; INV-MX3.
    if (word.compare_exchange_weak(seen, seen & ~kLocked, std::memory_order_release, std::memory_order_relaxed)) return CW_OK;
  }
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  base::Lock& lock = address_lock(&mutex);
  lock.lock();
  WaitQueue queue(mutex.waiters);
  Waiter* next = queue.pop_claimed();
  const uint32_t waiters = queue.empty() ? 0 : kWaiters;
  if (next == nullptr) {
    // release, also below: what the owner did; pairs with the acquire in take(). INV-MX3
    word.store(0, std::memory_order_release);
    lock.unlock();
    return CW_OK;
  }
  sched::Parker* who = next->who;
  if (*static_cast<uint32_t*>(next->slot) >= kMaxLosses) {
    next->tag = kHandedOver;
    word.store(kLocked | waiters, std::memory_order_relaxed);  // it learns of us through its wake-up
  } else {
    next->tag = kTry;
    word.store(kWoken | waiters, std::memory_order_release);  // INV-MX2
  }
  lock.unlock();
  sched::ready(who);
  return CW_OK;
}

}  // namespace causeway::sync
