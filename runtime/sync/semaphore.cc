// SPDX-License-Identifier: MIT
#include "runtime/sync/semaphore.hpp"

#include <atomic>

#include "runtime/sync/address_lock.hpp"
#include "runtime/sync/wait_queue.hpp"

namespace causeway::sync {

namespace {

constexpr uint64_t kMax = CW_ABI_SEMAPHORE_MAX;
constexpr uint64_t kWaiters = CW_ABI_SEMAPHORE_WAITERS;

using Word = std::atomic_ref<uint64_t>;

// Takes one if there is one and nobody waits.
bool try_take(Word word, uint64_t& seen) noexcept {
  while (seen != 0 && seen <= kMax) {
    // acquire: what who gave it back did; pairs with the releases in semaphore_release() and in the header.
    if (word.compare_exchange_weak(seen, seen - 1, std::memory_order_acquire, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace

cw_status semaphore_acquire(cw_abi_semaphore& semaphore, uint64_t timeout_ns, sched::StopPoint* stop) noexcept {
  Word word(semaphore.word);
  uint64_t seen = word.load(std::memory_order_relaxed);  // checked by the exchange, here and below
  if (try_take(word, seen)) return CW_OK;
  if (timeout_ns == 0) return CW_E_TIMEOUT;
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  const sched::WaitOptions options{
      .deadline_ns = sched::deadline_after(timeout_ns),
      .cancellable = true,
      .what = "semaphore",
      .stop = stop,
      .object = &semaphore,
  };
  base::Lock& lock = address_lock(&semaphore);
  lock.lock();
  seen = word.load(std::memory_order_relaxed);
  while ((seen & kWaiters) == 0) {
    if (try_take(word, seen)) {
      lock.unlock();
      return CW_OK;
    }
    // INV-SM2. relaxed: the count stays 0, and who gives back takes the lock.
    if (seen == 0 && word.compare_exchange_weak(seen, kWaiters, std::memory_order_relaxed, std::memory_order_relaxed)) break;
  }
  Waiter waiter;
  scope.prepare(waiter, options);
  WaitQueue(semaphore.waiters).push_back(waiter);
  const sched::WaitEnd end = scope.park_and_unlock(lock);
  if (end == sched::WaitEnd::Woken) return CW_OK;
  lock.lock();
  if (waiter.linked) {
    WaitQueue queue(semaphore.waiters);
    queue.remove(waiter);
    if (queue.empty()) word.store(0, std::memory_order_relaxed);  // INV-SM1, INV-SM2
  }
  lock.unlock();
  return end == sched::WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED;
}

cw_status semaphore_release(cw_abi_semaphore& semaphore, uint32_t n) noexcept {
  Word word(semaphore.word);
  uint64_t seen = word.load(std::memory_order_relaxed);  // checked by the exchange
  while ((seen & kWaiters) == 0) {
    if (n > kMax - seen) return CW_E_LIMIT;
    // release: what the caller did; pairs with the acquire of who takes it. Our last access: INV-SM3.
    if (word.compare_exchange_weak(seen, seen + n, std::memory_order_release, std::memory_order_relaxed)) return CW_OK;
  }
  if (n > kMax) return CW_E_LIMIT;
  if (n == 0) return CW_OK;
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  WokenList woken;
  base::Lock& lock = address_lock(&semaphore);
  lock.lock();
  seen = word.load(std::memory_order_relaxed);
  if ((seen & kWaiters) != 0) {
    WaitQueue queue(semaphore.waiters);
    uint64_t left = n;
    while (left != 0) {
      Waiter* waiter = queue.pop_claimed();
      if (waiter == nullptr) break;
      woken.add(*waiter);
      --left;
    }
    // release: what the caller did. INV-SM1: nobody else writes it now. INV-SM3
    word.store(queue.empty() ? left : kWaiters, std::memory_order_release);
  } else {  // the last waiter has left meanwhile
    do {
      if (n > kMax - seen) {
        lock.unlock();
        return CW_E_LIMIT;
      }
    } while (!word.compare_exchange_weak(seen, seen + n, std::memory_order_release, std::memory_order_relaxed));
  }
  lock.unlock();
  woken.ready_all();
  return CW_OK;
}

size_t semaphore_waiting(cw_abi_semaphore& semaphore) noexcept {
  const base::LockGuard guard(address_lock(&semaphore));
  return WaitQueue(semaphore.waiters).size();
}

}  // namespace causeway::sync
