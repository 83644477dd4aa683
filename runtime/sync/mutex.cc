// SPDX-License-Identifier: MIT
#include "runtime/sync/mutex.hpp"

#include <atomic>

#include "arch/arch.hpp"
#include "runtime/os/os.hpp"
#include "runtime/sched/sched.hpp"
#include "runtime/sync/address_lock.hpp"
#include "runtime/sync/wait_queue.hpp"

namespace causeway::sync {

namespace {

constexpr uint32_t kLocked = CW_ABI_MUTEX_LOCKED;
constexpr uint32_t kWaiters = CW_ABI_MUTEX_WAITERS;
constexpr uint32_t kWoken = CW_ABI_MUTEX_WOKEN;

constexpr uint32_t kMaxLosses = 8;               // wake-ups that find the mutex taken before it is handed over
constexpr uint32_t kSpins = 40;                  // a critical section of some hundred instructions ends meanwhile
constexpr uintptr_t kNear = uintptr_t{8} << 20;  // the usual size of a thread's stack

// Answers for a claimed waiter, in its tag.
constexpr uint32_t kTry = 0;
constexpr uint32_t kHandedOver = 1;

using Word = std::atomic_ref<uint32_t>;

// INV-MX4. Only called before parking, where the few microseconds for a plain thread do not matter.
bool owned_by_caller(const sched::WaitScope& scope, cw_abi_mutex& mutex, uintptr_t frame) noexcept {
  // relaxed: only our own store could make it an address of our stack.
  const uintptr_t owner = std::atomic_ref<uintptr_t>(mutex.owner).load(std::memory_order_relaxed);
  if (owner == 0) return false;
  if (const sched::G* g = scope.green()) {
    return owner >= reinterpret_cast<uintptr_t>(g->stack.low) && owner < reinterpret_cast<uintptr_t>(g->stack.high);
  }
  // Far apart: not one stack, save for a very deep one, where a second lock then hangs. Asking for the bounds is slow on the main thread.
  if ((owner > frame ? owner - frame : frame - owner) > kNear) return false;
  uintptr_t low = 0;
  uintptr_t high = 0;
  return os::thread_stack_bounds(&low, &high) && owner >= low && owner < high && frame >= low && frame < high;
}

// Takes the mutex if it is free. keep: the bits that stay beside LOCKED.
bool try_take(Word word, uint32_t seen, uint32_t keep) noexcept {
  // acquire: what the last owner did; pairs with the release of the unlock.
  return (seen & kLocked) == 0 &&
         word.compare_exchange_strong(seen, (seen & keep) | kLocked, std::memory_order_acquire, std::memory_order_relaxed);
}

cw_status owned(cw_abi_mutex& mutex, uintptr_t frame) noexcept {
  // relaxed: INV-MX4.
  std::atomic_ref<uintptr_t>(mutex.owner).store(frame, std::memory_order_relaxed);
  return CW_OK;
}

}  // namespace

cw_status mutex_lock(cw_abi_mutex& mutex, uintptr_t frame, uint64_t timeout_ns) noexcept {
  Word word(mutex.word);
  // All loads of the word are relaxed: each decision is checked by an exchange.
  for (uint32_t spin = 0; spin < kSpins; ++spin) {
    if (try_take(word, word.load(std::memory_order_relaxed), kWaiters | kWoken)) return owned(mutex, frame);
    if (timeout_ns == 0) return CW_E_TIMEOUT;
    arch::relax();
  }
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return CW_E_ASYNC;
  if (owned_by_caller(scope, mutex, frame)) return CW_E_STATE;

  const sched::WaitOptions options{
      .deadline_ns = timeout_ns == CW_FOREVER ? sched::kNoDeadline : sched::deadline_after(timeout_ns),
      .cancellable = false,
      .what = "mutex",
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
      return CW_E_TIMEOUT;
    }
    if (waiter.tag == kHandedOver) return owned(mutex, frame);
    mine = kWoken;
    for (uint32_t spin = 0; spin < kSpins; ++spin) {
      if (try_take(word, word.load(std::memory_order_relaxed), ~mine)) return owned(mutex, frame);
      arch::relax();
    }
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
    return CW_E_ASYNC;
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
