// SPDX-License-Identifier: MIT
#include "runtime/sync/shared_mutex.hpp"

#include <atomic>

#include "runtime/sync/address_lock.hpp"
#include "runtime/sync/owner.hpp"
#include "runtime/sync/wait_queue.hpp"

namespace causeway::sync {

namespace {

constexpr uint64_t kCount = CW_ABI_SHARED_COUNT;
constexpr uint64_t kAlone = CW_ABI_SHARED_ALONE;
constexpr uint64_t kWaiters = CW_ABI_SHARED_WAITERS;

using Word = std::atomic_ref<uint64_t>;

// All loads of the word are relaxed: each decision is checked by an exchange, or made where nobody else may write it (INV-SX2).

enum class How : uint8_t { Alone, Shared };

// The word after one more got in, or 0 when nobody may: somebody waits, or holds it in the other way.
uint64_t taken(uint64_t seen, How how) noexcept {
  if (how == How::Alone) return seen == 0 ? kAlone : 0;
  return seen < kCount ? seen + 1 : 0;
}

bool try_take(Word word, uint64_t& seen, How how) noexcept {
  while (const uint64_t next = taken(seen, how)) {
    // acquire: what the last holders did; pairs with the releases of the unlocks.
    if (word.compare_exchange_weak(seen, next, std::memory_order_acquire, std::memory_order_relaxed)) return true;
  }
  return false;
}

// Lets all waiting readers in: how many. Needs: the address's lock.
uint64_t admit_readers(cw_abi_shared_mutex& mutex, WokenList& woken) noexcept {
  WaitQueue readers(mutex.readers);
  uint64_t n = 0;
  while (Waiter* reader = readers.pop_claimed()) {
    woken.add(*reader);
    ++n;
  }
  return n;
}

// Gives the mutex, which the caller lets go, to whose turn it is. Needs: the address's lock, WAITERS set.
void hand_over(cw_abi_shared_mutex& mutex, How from, WokenList& woken) noexcept {
  uint64_t next = 0;
  if (from == How::Alone) next = admit_readers(mutex, woken);
  WaitQueue writers(mutex.writers);
  if (next == 0) {
    if (Waiter* writer = writers.pop_claimed()) {
      woken.add(*writer);
      next = kAlone;
    } else {
      next = admit_readers(mutex, woken);  // the writer that they waited for has given up this moment
    }
  }
  const bool waited = mutex.writers != nullptr || mutex.readers != nullptr;
  // release: what the caller, and the readers before it, did. INV-SX4
  Word(mutex.word).store(next | (waited ? kWaiters : 0), std::memory_order_release);
}

// Somebody has given up: the word, and the readers, must know. Needs: the address's lock.
void settle(cw_abi_shared_mutex& mutex, WokenList& woken) noexcept {
  Word word(mutex.word);
  uint64_t admitted = 0;
  uint64_t seen = word.load(std::memory_order_relaxed);
  // INV-SX3. Readers are inside and stay: the last of them needs our lock to leave.
  if (mutex.writers == nullptr && mutex.readers != nullptr && (seen & kAlone) == 0) admitted = admit_readers(mutex, woken);
  const bool waited = mutex.writers != nullptr || mutex.readers != nullptr;
  // acquire: what the last owner did, for those that are let in here and learn of it through their wake-up; release: as in the unlocks.
  while (!word.compare_exchange_weak(seen, (waited ? seen : seen & ~kWaiters) + admitted, std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {}
}

cw_status lock(cw_abi_shared_mutex& mutex, How how, uintptr_t frame, uint64_t timeout_ns, sched::StopPoint* stop) noexcept {
  Word word(mutex.word);
  uint64_t seen = word.load(std::memory_order_relaxed);
  if (try_take(word, seen, how)) return CW_OK;
  if (how == How::Shared && seen == kCount) return CW_E_LIMIT;
  if (timeout_ns == 0) return CW_E_TIMEOUT;
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  if (owned_by_caller(scope, mutex.owner, frame)) return CW_E_STATE;
  const sched::WaitOptions options{
      .deadline_ns = sched::deadline_after(timeout_ns),
      .cancellable = false,
      .what = how == How::Alone ? "shared mutex" : "shared mutex, shared",
      .stop = stop,
      .object = &mutex,
  };
  base::Lock& lock = address_lock(&mutex);
  lock.lock();
  seen = word.load(std::memory_order_relaxed);
  while ((seen & kWaiters) == 0) {
    if (try_take(word, seen, how)) {
      lock.unlock();
      return CW_OK;
    }
    if (how == How::Shared && seen == kCount) {
      lock.unlock();
      return CW_E_LIMIT;
    }
    // INV-SX2. relaxed: who lets it go next sees WAITERS in its exchange, and then takes the lock.
    if (word.compare_exchange_weak(seen, seen | kWaiters, std::memory_order_relaxed, std::memory_order_relaxed)) break;
  }
  Waiter waiter;
  scope.prepare(waiter, options);
  void*& queue = how == How::Alone ? mutex.writers : mutex.readers;
  WaitQueue(queue).push_back(waiter);
  const sched::WaitEnd end = scope.park_and_unlock(lock);
  if (end == sched::WaitEnd::Woken) return CW_OK;
  WokenList woken;
  lock.lock();
  if (waiter.linked) {
    WaitQueue(queue).remove(waiter);
    settle(mutex, woken);
  }
  lock.unlock();
  woken.ready_all();
  return end == sched::WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED;
}

}  // namespace

cw_status shared_mutex_lock(cw_abi_shared_mutex& mutex, uintptr_t frame, uint64_t timeout_ns, sched::StopPoint* stop) noexcept {
  const cw_status status = lock(mutex, How::Alone, frame, timeout_ns, stop);
  if (status == CW_OK) set_owner(mutex.owner, frame);
  return status;
}

cw_status shared_mutex_lock_shared(cw_abi_shared_mutex& mutex, uintptr_t frame, uint64_t timeout_ns, sched::StopPoint* stop) noexcept {
  return lock(mutex, How::Shared, frame, timeout_ns, stop);
}

cw_status shared_mutex_unlock(cw_abi_shared_mutex& mutex) noexcept {
  Word word(mutex.word);
  uint64_t seen = word.load(std::memory_order_relaxed);
  if ((seen & kAlone) == 0) return CW_E_STATE;
  // release: what the owner did; pairs with the acquire in try_take(). INV-SX4
  if (seen == kAlone && word.compare_exchange_strong(seen, 0, std::memory_order_release, std::memory_order_relaxed)) return CW_OK;
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  WokenList woken;
  base::Lock& lock = address_lock(&mutex);
  lock.lock();
  if ((word.load(std::memory_order_relaxed) & kWaiters) != 0) hand_over(mutex, How::Alone, woken);
  else word.store(0, std::memory_order_release);  // the last waiter has given up; ALONE is ours, so nobody else writes
  lock.unlock();
  woken.ready_all();
  return CW_OK;
}

cw_status shared_mutex_unlock_shared(cw_abi_shared_mutex& mutex) noexcept {
  Word word(mutex.word);
  uint64_t seen = word.load(std::memory_order_relaxed);
  for (;;) {
    if ((seen & kCount) == 0) return CW_E_STATE;
    if (seen == (kWaiters | 1)) break;  // the last one, and somebody waits
    // release: what this reader did; acquire: hands on what the others did, for who gets it after the last. INV-SX4
    if (word.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel, std::memory_order_relaxed)) return CW_OK;
  }
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  WokenList woken;
  base::Lock& lock = address_lock(&mutex);
  lock.lock();
  // acquire: what the other readers did; hand_over() publishes it.
  seen = word.load(std::memory_order_acquire);
  for (;;) {
    if (seen == (kWaiters | 1)) {
      hand_over(mutex, How::Shared, woken);
      break;
    }
    // Readers that waited were let in meanwhile, or the last waiter has given up.
    if (word.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel, std::memory_order_acquire)) break;
  }
  lock.unlock();
  woken.ready_all();
  return CW_OK;
}

size_t shared_mutex_waiting(cw_abi_shared_mutex& mutex) noexcept {
  const base::LockGuard guard(address_lock(&mutex));
  return WaitQueue(mutex.writers).size() + WaitQueue(mutex.readers).size();
}

}  // namespace causeway::sync
