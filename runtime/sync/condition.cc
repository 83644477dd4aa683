// SPDX-License-Identifier: MIT
#include "runtime/sync/condition.hpp"

#include <atomic>

#include "runtime/sync/address_lock.hpp"
#include "runtime/sync/wait_queue.hpp"

namespace causeway::sync {

namespace {

// The tag of a waiter that was notified before it slept; 0 before.
constexpr uint32_t kNotified = 1;

Waiter& waiter_in(cw_abi_condition_wait& wait) noexcept {
  static_assert(sizeof(Waiter) <= sizeof(cw_abi_condition_wait) && alignof(Waiter) <= alignof(cw_abi_condition_wait));
  return reinterpret_cast<Waiter&>(wait);
}

// Needs: the address's lock.
void note_queue(cw_abi_condition& condition) noexcept {
  // relaxed: read without the lock by condition_notify() alone, see there.
  std::atomic_ref<uint32_t>(condition.word).store(condition.waiters != nullptr ? 1 : 0, std::memory_order_relaxed);
}

}  // namespace

cw_status condition_enter(cw_abi_condition& condition, cw_abi_condition_wait& wait) noexcept {
  const sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  Waiter& waiter = waiter_in(wait);
  waiter = Waiter{};
  const base::LockGuard guard(address_lock(&condition));
  WaitQueue(condition.waiters).push_back(waiter);
  note_queue(condition);
  return CW_OK;
}

cw_status condition_wait_for(cw_abi_condition& condition, cw_abi_condition_wait& wait, uint64_t timeout_ns,
                             sched::StopPoint* stop) noexcept {
  Waiter& waiter = waiter_in(wait);
  sched::WaitScope scope;
  if (scope.async() && scope.refusal() == CW_E_FORKED) return CW_E_FORKED;
  CW_CHECK(!scope.async(), "a condition's wait goes on where it was entered, not in a signal handler");
  sched::WaitOptions options;
  options.deadline_ns = timeout_ns != 0 ? sched::deadline_after(timeout_ns) : 0;
  options.cancellable = true;
  options.what = "condition variable";
  options.stop = stop;
  options.object = &condition;
  base::Lock& lock = address_lock(&condition);
  lock.lock();
  if (waiter.tag == kNotified) {  // INV-CV1, INV-CV3
    lock.unlock();
    return CW_OK;
  }
  sched::WaitEnd end = sched::WaitEnd::TimedOut;
  if (timeout_ns != 0) {
    scope.prepare(waiter, options);
    end = scope.park_and_unlock(lock);
    if (end == sched::WaitEnd::Woken) return CW_OK;
    lock.lock();
  }
  if (waiter.linked) {
    WaitQueue(condition.waiters).remove(waiter);
    note_queue(condition);
  }
  lock.unlock();
  return end == sched::WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED;
}

cw_status condition_notify(cw_abi_condition& condition, Notify whom) noexcept {
  // relaxed: a waiter that the caller can know of was queued before it gave back the lock under which the caller changed what it waits
  // for. Without such a lock notify and wait have no order, and the wait may as well come second.
  if (std::atomic_ref<uint32_t>(condition.word).load(std::memory_order_relaxed) == 0) return CW_OK;
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  WokenList woken;
  base::Lock& lock = address_lock(&condition);
  lock.lock();
  WaitQueue queue(condition.waiters);
  bool told = false;
  while (!queue.empty() && !(told && whom == Notify::One)) {
    Waiter& waiter = queue.pop();
    if (waiter.who == nullptr) {
      waiter.tag = kNotified;  // INV-CV1
      told = true;
    } else if (sched::claim(waiter)) {  // INV-CV2
      woken.add(waiter);
      told = true;
    }
  }
  note_queue(condition);
  lock.unlock();
  woken.ready_all();  // INV-CV3: nothing of the condition from here on
  return CW_OK;
}

size_t condition_waiting(cw_abi_condition& condition) noexcept {
  const base::LockGuard guard(address_lock(&condition));
  size_t n = 0;
  WaitQueue(condition.waiters).for_each([&](const Waiter& waiter) { n += waiter.who != nullptr ? 1 : 0; });
  return n;
}

}  // namespace causeway::sync
