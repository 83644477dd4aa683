// SPDX-License-Identifier: MIT
#include "runtime/sync/once.hpp"

#include <atomic>

#include "runtime/sync/address_lock.hpp"
#include "runtime/sync/owner.hpp"
#include "runtime/sync/wait_queue.hpp"

namespace causeway::sync {

namespace {

constexpr uint32_t kNew = CW_ABI_ONCE_NEW;
constexpr uint32_t kRunning = CW_ABI_ONCE_RUNNING;
constexpr uint32_t kWaited = CW_ABI_ONCE_WAITED;
constexpr uint32_t kDone = CW_ABI_ONCE_DONE;

using Word = std::atomic_ref<uint32_t>;

// Is there nothing to wait for: it is done, or the caller's to do? `seen` is what the word was.
bool settled(cw_abi_once& once, uint32_t& seen, uintptr_t frame, bool& mine) noexcept {
  Word word(once.word);
  // acquire, here and below: what was done, or what an attempt that threw left; pairs with the releases in once_end().
  seen = word.load(std::memory_order_acquire);
  while (seen == kNew) {
    if (word.compare_exchange_weak(seen, kRunning, std::memory_order_acquire, std::memory_order_acquire)) {
      set_owner(once.owner, frame);
      mine = true;
      return true;
    }
  }
  return seen == kDone;
}

}  // namespace

cw_status once_begin(cw_abi_once& once, uintptr_t frame, uint64_t timeout_ns, bool& mine, sched::StopPoint* stop) noexcept {
  mine = false;
  uint32_t seen = kNew;
  if (settled(once, seen, frame, mine)) return CW_OK;
  if (timeout_ns == 0) return CW_E_TIMEOUT;
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  if (owned_by_caller(scope, once.owner, frame)) return CW_E_STATE;
  const sched::WaitOptions options{
      .deadline_ns = sched::deadline_after(timeout_ns),
      .cancellable = false,
      .what = "once",
      .stop = stop,
      .object = &once,
  };
  base::Lock& lock = address_lock(&once);
  Word word(once.word);
  for (;;) {
    lock.lock();
    do {
      if (settled(once, seen, frame, mine)) {
        lock.unlock();
        return CW_OK;
      }
      // INV-ON1. relaxed: the end sees WAITED in its exchange and then takes the lock. Only RUNNING may have changed meanwhile.
    } while (seen == kRunning && !word.compare_exchange_strong(seen, kWaited, std::memory_order_relaxed, std::memory_order_relaxed));
    Waiter waiter;
    scope.prepare(waiter, options);
    WaitQueue(once.waiters).push_back(waiter);
    const sched::WaitEnd end = scope.park_and_unlock(lock);
    if (end == sched::WaitEnd::Woken) {
      if (waiter.tag == kDone) return CW_OK;  // without a look at the word: it may be gone
      continue;                               // the attempt threw
    }
    lock.lock();
    if (waiter.linked) {
      WaitQueue queue(once.waiters);
      queue.remove(waiter);
      if (queue.empty()) word.store(kRunning, std::memory_order_relaxed);  // INV-ON1: WAITED is changed under the lock alone
    }
    lock.unlock();
    return end == sched::WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED;
  }
}

void once_end(cw_abi_once& once, OnceEnd end) noexcept {
  Word word(once.word);
  const uint32_t next = end == OnceEnd::Done ? kDone : kNew;
  set_owner(once.owner, 0);
  uint32_t seen = kRunning;
  // release: what was done; pairs with the acquires in settled() and in the header. INV-ON2
  if (word.compare_exchange_strong(seen, next, std::memory_order_release, std::memory_order_relaxed)) return;
  const sched::WaitScope scope;
  if (scope.async() && scope.refusal() == CW_E_FORKED) return;  // the function has forked: who waits is in the parent
  CW_CHECK(!scope.async(), "a once is not for signal handlers that interrupted the runtime");
  WokenList woken;
  base::Lock& lock = address_lock(&once);
  lock.lock();
  void* detached = once.waiters;
  once.waiters = nullptr;
  word.store(next, std::memory_order_release);  // INV-ON2: WAITED or, when the last waiter has given up, RUNNING, which is ours
  WaitQueue queue(detached);
  while (Waiter* waiter = queue.pop_claimed()) {
    waiter->tag = next;
    woken.add(*waiter);
  }
  lock.unlock();
  woken.ready_all();
}

size_t once_waiting(cw_abi_once& once) noexcept {
  const base::LockGuard guard(address_lock(&once));
  return WaitQueue(once.waiters).size();
}

}  // namespace causeway::sync
