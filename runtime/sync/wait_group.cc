// SPDX-License-Identifier: MIT
#include "runtime/sync/wait_group.hpp"

#include <atomic>

#include "runtime/sync/address_lock.hpp"
#include "runtime/sync/wait_queue.hpp"

namespace causeway::sync {

namespace {

constexpr uint64_t kWaiters = uint64_t{1} << 32;
constexpr uint64_t kCount = 0x7fffffff;

using Word = std::atomic_ref<uint64_t>;

// The count goes to 0 while somebody waits.
// Returns false when it turned out otherwise under the lock: look again.
bool finish(cw_abi_wait_group& group, int64_t delta, cw_status& status) noexcept {
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]] {
    status = CW_E_ASYNC;
    return true;
  }
  Word word(group.word);
  WokenList woken;
  base::Lock& lock = address_lock(&group);
  lock.lock();
  uint64_t seen = word.load(std::memory_order_relaxed);
  if ((seen & kWaiters) == 0 || static_cast<int64_t>(seen & kCount) + delta != 0) {
    lock.unlock();
    return false;
  }
  // A claim cannot be taken back, so the count must not change from here: as long as kWaiters is set, only the step to 0 needs this
  // lock, and the others' exchanges could still move the count. Taking the count to 0 first would let a caller of wait() free the
  // memory under us (INV-WG2). So the queue is detached, the count exchanged, and only then the waiters are claimed.
  void* detached = group.waiters;
  group.waiters = nullptr;
  // acq_rel: what all callers of done() did; pairs with the acquire in wait(), and with ready().
  if (!word.compare_exchange_strong(seen, 0, std::memory_order_acq_rel, std::memory_order_relaxed)) {
    group.waiters = detached;
    lock.unlock();
    return false;
  }
  // From here the group may be gone; the waiters are not: who times out passes through the lock first.
  while (Waiter* waiter = WaitQueue(detached).pop_claimed()) woken.add(*waiter);
  lock.unlock();
  woken.ready_all();
  status = CW_OK;
  return true;
}

}  // namespace

cw_status wait_group_add(cw_abi_wait_group& group, int64_t delta) noexcept {
  Word word(group.word);
  uint64_t seen = word.load(std::memory_order_relaxed);  // checked by the exchange
  for (;;) {
    const int64_t count = static_cast<int64_t>(seen & kCount);
    // Each is at most 2^31 here, so the sum cannot overflow.
    if (delta > static_cast<int64_t>(kCount) || (delta > 0 && count + delta > static_cast<int64_t>(kCount))) return CW_E_LIMIT;
    if (delta < -static_cast<int64_t>(kCount) || count + delta < 0) return CW_E_STATE;
    const auto next = static_cast<uint64_t>(count + delta);
    if (next == 0 && (seen & kWaiters) != 0) {
      cw_status status = CW_OK;
      if (finish(group, delta, status)) return status;
      seen = word.load(std::memory_order_relaxed);
      continue;
    }
    // release: what the caller did, for who sees 0 in the end; acquire: hands on what earlier callers did. INV-WG2
    if (word.compare_exchange_weak(seen, (seen & kWaiters) | next, std::memory_order_acq_rel, std::memory_order_relaxed)) return CW_OK;
  }
}

cw_status wait_group_wait(cw_abi_wait_group& group, uint64_t timeout_ns, sched::StopPoint* stop) noexcept {
  Word word(group.word);
  // acquire: what the callers of done() did.
  if ((word.load(std::memory_order_acquire) & kCount) == 0) return CW_OK;
  if (timeout_ns == 0) return CW_E_TIMEOUT;
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  const sched::WaitOptions options{
      .deadline_ns = timeout_ns == CW_FOREVER ? sched::kNoDeadline : sched::deadline_after(timeout_ns),
      .cancellable = false,
      .what = "wait group",
      .stop = stop,
      .object = &group,
  };
  base::Lock& lock = address_lock(&group);
  lock.lock();
  uint64_t seen = word.load(std::memory_order_acquire);
  for (;;) {
    if ((seen & kCount) == 0) {
      lock.unlock();
      return CW_OK;
    }
    // INV-WG1. acquire on failure: it may be 0 by now.
    if (word.compare_exchange_weak(seen, seen | kWaiters, std::memory_order_relaxed, std::memory_order_acquire)) break;
  }
  Waiter waiter;
  scope.prepare(waiter, options);
  WaitQueue(group.waiters).push_back(waiter);
  const sched::WaitEnd end = scope.park_and_unlock(lock);
  if (end == sched::WaitEnd::Woken) return CW_OK;
  lock.lock();
  if (waiter.linked) {
    WaitQueue queue(group.waiters);
    queue.remove(waiter);
    if (queue.empty()) word.fetch_and(~kWaiters, std::memory_order_relaxed);  // INV-WG1
  }
  lock.unlock();
  return end == sched::WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED;
}

}  // namespace causeway::sync
