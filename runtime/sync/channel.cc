// SPDX-License-Identifier: MIT
#include "runtime/sync/channel.hpp"

#include <cstdlib>
#include <new>

namespace causeway::sync {

namespace {

constexpr bool power_of_two(size_t n) noexcept { return n != 0 && (n & (n - 1)) == 0; }

constexpr size_t round_up(size_t n, size_t to) noexcept { return (n + to - 1) & ~(to - 1); }

}  // namespace

base::Result<Channel*> Channel::create(const cw_abi_item_ops& ops, size_t capacity) noexcept {
  if (ops.size == 0 || ops.size > kMaxItem) return base::Error{CW_E_INVALID, 0, "channel: the item size must be 1 to 2^31 bytes"};
  if (!power_of_two(ops.align) || ops.align > kMaxAlign)
    return base::Error{CW_E_INVALID, 0, "channel: the alignment must be a power of two up to 4096"};
  if (capacity > kMaxCapacity) return base::Error{CW_E_INVALID, 0, "channel: the capacity is over 2^31"};
  // One block: the channel, then the ring. Both factors are at most 2^31, so nothing overflows.
  if (ops.size * capacity > kMaxBytes)
    return base::Error{CW_E_NOMEM, 0, "channel: that many items need over 512 GiB; use a smaller capacity"};
  const size_t align = ops.align > alignof(Channel) ? ops.align : alignof(Channel);
  const size_t ring_at = round_up(sizeof(Channel), align);
  void* block = std::aligned_alloc(align < 64 ? 64 : align, round_up(ring_at + ops.size * capacity, align < 64 ? 64 : align));
  if (block == nullptr) return base::Error{CW_E_NOMEM, 0, "channel: no memory for that many items; use a smaller capacity"};
  return ::new (block) Channel(ops, capacity, static_cast<std::byte*>(block) + ring_at);
}

Channel::Channel(const cw_abi_item_ops& ops, size_t capacity, std::byte* ring) noexcept
    : in_(ring),
      out_(ring),
      capacity_(capacity),
      item_size_(ops.size),
      move_(ops.move),
      take_(ops.take),
      ring_(ring),
      end_(ring + ops.size * capacity),
      ops_(&ops) {}

void Channel::destroy(Channel* channel) noexcept {
  CW_CHECK(channel->receivers_ == nullptr && channel->senders_ == nullptr, "a channel was destroyed while somebody waits in it");
  if (channel->ops_->destroy != nullptr) {
    for (; channel->count_ != 0; --channel->count_) {
      channel->ops_->destroy(channel->out_);
      channel->advance(channel->out_);
    }
  }
  const auto bytes = static_cast<size_t>(channel->end_ - reinterpret_cast<std::byte*>(channel));
  channel->~Channel();
  sched::poison::freed(channel, bytes);
  std::free(channel);
}

// Needs: lock_ held; released. The waiter's tag is the answer of whoever claims it.
cw_status Channel::wait(sched::WaitScope& scope, void*& queue, void* item, const Limits& limits, const char* what) noexcept {
  Waiter waiter;
  waiter.slot = item;
  scope.prepare(
      waiter,
      {.deadline_ns = sched::deadline_after(limits.timeout_ns), .cancellable = true, .what = what, .stop = limits.stop, .object = this});
  WaitQueue(queue).push_back(waiter);
  const sched::WaitEnd end = scope.park_and_unlock(lock_);
  if (end == sched::WaitEnd::Woken) return static_cast<cw_status>(waiter.tag);
  lock_.lock();
  if (waiter.linked) WaitQueue(queue).remove(waiter);
  lock_.unlock();
  return end == sched::WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED;
}

inline bool Channel::send_at_once(void* item) noexcept {
  if (capacity_ == 0 || move_ != nullptr) return false;
  const sched::BriefScope scope;
  if (!scope) return false;
  const base::LockGuard guard(lock_);
  if (closed_ || receivers_ != nullptr || count_ == capacity_) return false;
  push_locked(item);
  return true;
}

inline bool Channel::receive_at_once(void* item) noexcept {
  if (capacity_ == 0 || take_ != nullptr) return false;
  const sched::BriefScope scope;
  if (!scope) return false;
  const base::LockGuard guard(lock_);
  if (senders_ != nullptr || count_ == 0) return false;
  pop_locked(item);
  return true;
}

cw_status Channel::send(void* item, uint64_t timeout_ns, sched::StopPoint* stop) noexcept {
  return send_at_once(item) ? CW_OK : send_slowly(item, timeout_ns, stop);
}

cw_status Channel::receive(void* item, uint64_t timeout_ns, sched::StopPoint* stop) noexcept {
  return receive_at_once(item) ? CW_OK : receive_slowly(item, timeout_ns, stop);
}

CW_NOINLINE cw_status Channel::send_slowly(void* item, uint64_t timeout_ns, sched::StopPoint* stop) noexcept {
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  Met met;
  lock_.lock();
  const cw_status status = send_locked(item, met);
  if (status == CW_E_TIMEOUT && timeout_ns != 0) return wait(scope, senders_, item, {timeout_ns, stop}, "channel send");
  lock_.unlock();
  finish(met);
  return status;
}

CW_NOINLINE cw_status Channel::receive_slowly(void* item, uint64_t timeout_ns, sched::StopPoint* stop) noexcept {
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  Met met;
  lock_.lock();
  const cw_status status = receive_locked(item, met);
  if (status == CW_E_TIMEOUT && timeout_ns != 0) return wait(scope, receivers_, item, {timeout_ns, stop}, "channel receive");
  lock_.unlock();
  finish(met);
  return status;
}

cw_status Channel::close() noexcept {
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  WokenList woken;
  lock_.lock();
  const bool again = closed_;
  closed_ = true;
  for (void** queue : {&receivers_, &senders_}) {
    while (Waiter* waiter = WaitQueue(*queue).pop_claimed()) {
      waiter->tag = CW_E_CLOSED;
      woken.add(*waiter);
    }
  }
  lock_.unlock();
  woken.ready_all();
  return again ? CW_E_CLOSED : CW_OK;
}

size_t Channel::waiting() noexcept {
  const base::LockGuard guard(lock_);
  return WaitQueue(receivers_).size() + WaitQueue(senders_).size();
}

}  // namespace causeway::sync
