// SPDX-License-Identifier: MIT
#include "runtime/sync/select.hpp"

#include <bit>
#include <new>

#include "runtime/sync/select_locks.hpp"

namespace causeway::sync {

namespace {

constexpr uint32_t kUndecided = UINT32_MAX;  // no cw_status; INV-SEL2

Channel* channel_of(const cw_abi_select_case& c) noexcept { return reinterpret_cast<Channel*>(c.channel); }

// In the caller's memory, so that a select takes as much stack as it has cases. Made only if the call waits.
Waiter& waiter_of(cw_abi_select_case& c) noexcept {
  static_assert(sizeof(Waiter) <= sizeof c.opaque && alignof(Waiter) <= alignof(uint64_t));
  return *std::launder(reinterpret_cast<Waiter*>(c.opaque));
}

}  // namespace

// One call. Channel's friend: it does the steps of send and receive with the locks of several channels held.
class Select {
 public:
  Select(cw_abi_select_case* cases, size_t n) noexcept;

  cw_status run(uint64_t timeout_ns, sched::StopPoint* stop, size_t& chosen) noexcept;

 private:
  using Locks = SelectLocks<base::Lock, kMaxCases>;

  cw_status take_one_locked(sched::WaitScope& scope, size_t& chosen) noexcept;
  cw_status wait_locked(sched::WaitScope& scope, const sched::WaitOptions& options, size_t& chosen) noexcept;
  void link_locked(sched::WaitScope& scope, const sched::WaitOptions& options) noexcept;
  void unlink_all_but(size_t chosen) noexcept;

  static bool sends(const cw_abi_select_case& c) noexcept { return c.direction == CW_ABI_SELECT_SEND; }
  static WaitQueue queue_of(const cw_abi_select_case& c) noexcept {
    return WaitQueue(sends(c) ? channel_of(c)->senders_ : channel_of(c)->receivers_);
  }
  static void release_rest(void* locks) noexcept { static_cast<Locks*>(locks)->release_rest(); }
  static cw_status status_of(sched::WaitEnd end) noexcept { return end == sched::WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED; }

  cw_abi_select_case* const cases_;
  const size_t n_;
  Locks locks_;
};

inline Select::Select(cw_abi_select_case* cases, size_t n) noexcept : cases_(cases), n_(n) {
  for (size_t i = 0; i < n; ++i)
    if (cases[i].channel != nullptr) locks_.add(channel_of(cases[i])->lock_);
}

inline cw_status Select::run(uint64_t timeout_ns, sched::StopPoint* stop, size_t& chosen) noexcept {
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  if (locks_.size() != 0) {
    locks_.lock_all();
    const cw_status status = take_one_locked(scope, chosen);
    if (status != CW_E_TIMEOUT) return status;
  }
  if (timeout_ns == 0) {
    locks_.unlock_all();
    return CW_E_TIMEOUT;
  }
  const sched::WaitOptions options{.deadline_ns = sched::deadline_after(timeout_ns), .cancellable = true, .what = "select", .stop = stop};
  if (locks_.size() == 0) return status_of(scope.sleep(options));
  return wait_locked(scope, options, chosen);
}

// Needs: all locks; released unless the answer is CW_E_TIMEOUT: no case can be done at this moment.
inline cw_status Select::take_one_locked(sched::WaitScope& scope, size_t& chosen) noexcept {
  uint64_t ready = 0;
  for (size_t i = 0; i < n_; ++i) {
    const cw_abi_select_case& c = cases_[i];
    if (c.channel == nullptr) continue;
    const bool can = sends(c) ? channel_of(c)->can_send() : channel_of(c)->can_receive();
    ready |= uint64_t{can} << i;
  }
  while (ready != 0) {
    // Each with the same chance: skip that many of the set bits.
    const auto many = static_cast<uint64_t>(std::popcount(ready));
    uint64_t left = ready;
    if (many > 1)
      for (uint64_t skip = (scope.random() * many) >> 32; skip != 0; --skip) left &= left - 1;
    const auto i = static_cast<size_t>(std::countr_zero(left));
    Channel& channel = *channel_of(cases_[i]);
    Channel::Met met;
    const cw_status status = sends(cases_[i]) ? channel.send_locked(cases_[i].item, met) : channel.receive_locked(cases_[i].item, met);
    if (status != CW_E_TIMEOUT) [[likely]] {
      locks_.unlock_all();
      channel.finish(met);
      chosen = i;
      return status;
    }
    ready &= ~(uint64_t{1} << i);  // who waited there had no time left
  }
  return CW_E_TIMEOUT;
}

inline void Select::link_locked(sched::WaitScope& scope, const sched::WaitOptions& options) noexcept {
  Waiter* first = nullptr;
  for (size_t i = 0; i < n_; ++i) {
    if (cases_[i].channel == nullptr) continue;
    auto* waiter = ::new (static_cast<void*>(cases_[i].opaque)) Waiter;
    waiter->slot = cases_[i].item;
    waiter->tag = kUndecided;
    if (first == nullptr) scope.prepare(*(first = waiter), options);
    else scope.same_ticket(*waiter, *first);
    queue_of(cases_[i]).push_back(*waiter);
  }
}

// Needs: all locks; released.
inline cw_status Select::wait_locked(sched::WaitScope& scope, const sched::WaitOptions& options, size_t& chosen) noexcept {
  link_locked(scope, options);
  locks_.hand_over_rest();
  // With one lock nothing may be read once it is free: INV-SEL1.
  sched::WaitScope::AfterUnlock after;
  if (locks_.size() > 1) after = {.run = release_rest, .object = &locks_};
  const sched::WaitEnd end = scope.park_and_unlock(locks_.first(), after);
  size_t found = SIZE_MAX;
  if (end == sched::WaitEnd::Woken) {
    for (found = 0; cases_[found].channel == nullptr || waiter_of(cases_[found]).tag == kUndecided; ++found)
      CW_DCHECK(found + 1 < n_, "a select that was woken has a case that was claimed: INV-SEL2");
  }
  unlink_all_but(found);
  if (end != sched::WaitEnd::Woken) return status_of(end);
  chosen = found;
  return static_cast<cw_status>(waiter_of(cases_[found]).tag);
}

// Takes the lock of every channel but the chosen one's once more: INV-SEL1, INV-SEL4.
inline void Select::unlink_all_but(size_t chosen) noexcept {
  for (size_t i = 0; i < n_; ++i) {
    if (i == chosen || cases_[i].channel == nullptr) continue;
    Waiter& waiter = waiter_of(cases_[i]);
    const base::LockGuard guard(channel_of(cases_[i])->lock_);
    if (waiter.linked) queue_of(cases_[i]).remove(waiter);
  }
}

cw_status select(cw_abi_select_case* cases, size_t n, uint64_t timeout_ns, size_t& chosen, sched::StopPoint* stop) noexcept {
  if (n > kMaxCases) return CW_E_LIMIT;
  return Select(cases, n).run(timeout_ns, stop, chosen);
}

}  // namespace causeway::sync
