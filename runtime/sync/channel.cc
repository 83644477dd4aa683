// SPDX-License-Identifier: MIT
#include "runtime/sync/channel.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

namespace causeway::sync {

namespace {

constexpr bool power_of_two(size_t n) noexcept { return n != 0 && (n & (n - 1)) == 0; }

constexpr size_t round_up(size_t n, size_t to) noexcept { return (n + to - 1) & ~(to - 1); }

// Eight bytes, a pointer or a number, is what most channels carry: a move that the compiler writes out.
inline void copy_bytes(void* to, const void* from, size_t size) noexcept {
  if (size == 8) [[likely]]
    std::memcpy(to, from, 8);
  else std::memcpy(to, from, size);
}

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
    : capacity_(capacity), item_size_(ops.size), ring_(ring), ops_(&ops) {}

void Channel::destroy(Channel* channel) noexcept {
  CW_CHECK(channel->receivers_ == nullptr && channel->senders_ == nullptr, "a channel was destroyed while somebody waits in it");
  if (channel->ops_->destroy != nullptr) {
    for (; channel->count_ != 0; --channel->count_) {
      channel->ops_->destroy(channel->slot(channel->head_));
      if (++channel->head_ == channel->capacity_) channel->head_ = 0;
    }
  }
  channel->~Channel();
  std::free(channel);
}

inline void Channel::move(void* to, void* from) const noexcept {
  if (ops_->move == nullptr) copy_bytes(to, from, item_size_);
  else ops_->move(to, from);
}

inline void Channel::take(void* to, void* from) const noexcept {
  if (ops_->take == nullptr) copy_bytes(to, from, item_size_);
  else ops_->take(to, from);
}

inline void Channel::push_locked(void* item) noexcept {
  size_t tail = head_ + count_;
  if (tail >= capacity_) tail -= capacity_;
  move(slot(tail), item);
  ++count_;
}

inline void Channel::pop_locked(void* item) noexcept {
  take(item, slot(head_));
  if (++head_ == capacity_) head_ = 0;
  --count_;
}

// Needs: lock_ held; released. The waiter's tag is the answer of whoever claims it.
cw_status Channel::wait(sched::WaitScope& scope, void*& queue, void* item, uint64_t deadline_ns, const char* what) noexcept {
  Waiter waiter;
  waiter.slot = item;
  scope.prepare(waiter, {.deadline_ns = deadline_ns, .cancellable = true, .what = what});
  WaitQueue(queue).push_back(waiter);
  const sched::WaitEnd end = scope.park_and_unlock(lock_);
  if (end == sched::WaitEnd::Woken) return static_cast<cw_status>(waiter.tag);
  lock_.lock();
  if (waiter.linked) WaitQueue(queue).remove(waiter);
  lock_.unlock();
  return end == sched::WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED;
}

cw_status Channel::send(void* item, uint64_t timeout_ns) noexcept {
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return CW_E_ASYNC;
  const uint64_t deadline_ns = timeout_ns == CW_FOREVER ? sched::kNoDeadline : sched::deadline_after(timeout_ns);
  lock_.lock();
  if (closed_) [[unlikely]] {
    lock_.unlock();
    return CW_E_CLOSED;
  }
  if (Waiter* receiver = WaitQueue(receivers_).pop_claimed()) {  // INV-CH1: the ring is empty
    lock_.unlock();                                              // INV-CH4: from here the receiver may be the channel's last user
    sched::Parker* who = receiver->who;
    receiver->tag = CW_OK;
    // The channel's constants may be gone too once the receiver runs; it does not before ready().
    move(receiver->slot, item);
    sched::ready(who);
    return CW_OK;
  }
  if (count_ < capacity_) {
    push_locked(item);
    lock_.unlock();
    return CW_OK;
  }
  if (timeout_ns == 0) {
    lock_.unlock();
    return CW_E_TIMEOUT;
  }
  return wait(scope, senders_, item, deadline_ns, "channel send");
}

cw_status Channel::receive(void* item, uint64_t timeout_ns) noexcept {
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return CW_E_ASYNC;
  const uint64_t deadline_ns = timeout_ns == CW_FOREVER ? sched::kNoDeadline : sched::deadline_after(timeout_ns);
  lock_.lock();
  if (count_ != 0) {
    pop_locked(item);
    Waiter* sender = WaitQueue(senders_).pop_claimed();
    if (sender == nullptr) {
      lock_.unlock();
      return CW_OK;
    }
    push_locked(sender->slot);  // INV-CH2, and the order of the items
    sender->tag = CW_OK;
    sched::Parker* who = sender->who;
    lock_.unlock();
    sched::ready(who);
    return CW_OK;
  }
  if (Waiter* sender = WaitQueue(senders_).pop_claimed()) {  // only with capacity 0: INV-CH2
    lock_.unlock();
    sched::Parker* who = sender->who;
    sender->tag = CW_OK;
    move(item, sender->slot);
    sched::ready(who);
    return CW_OK;
  }
  if (closed_) {
    lock_.unlock();
    return CW_E_CLOSED;
  }
  if (timeout_ns == 0) {
    lock_.unlock();
    return CW_E_TIMEOUT;
  }
  return wait(scope, receivers_, item, deadline_ns, "channel receive");
}

cw_status Channel::close() noexcept {
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return CW_E_ASYNC;
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
