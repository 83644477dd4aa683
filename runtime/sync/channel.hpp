// SPDX-License-Identifier: MIT
//
// Channel: a bounded ring of items, and the senders and receivers that wait at its two ends. The type is erased: items are moved by
// cw_abi_item_ops, or copied as bytes.
//
// Where two parties meet, the item goes straight from the sender's memory to the receiver's: the second party claims the first under the
// lock, moves the item after it has released it (a claimed waiter cannot leave), and makes the first one ready. Items that
// go through the ring move under the lock.
//
//   INV-CH1  A receiver waits only while the ring is empty and no sender waits; or both belong to the same select (select.hpp).
//   INV-CH2  A sender waits only while the ring is full: whoever takes an item refills the ring from the first waiting sender.
//   INV-CH3  After close nobody waits, and nothing is added.
//   INV-CH4  A call that let somebody go does not touch the channel any more, so that one may destroy it.
//
// A select (select.hpp) does the same steps while it holds the locks of several channels.
//
// Not chosen: a lock-free ring (select needs several channels locked at once, and a hand-over has to look at two queues).
// The numbers behind that: bench/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "causeway/abi.h"
#include "runtime/base/base.hpp"
#include "runtime/sync/wait_queue.hpp"

namespace causeway::sync {

class Channel {
 public:
  static constexpr size_t kMaxCapacity = size_t{1} << 31;
  static constexpr size_t kMaxItem = size_t{1} << 31;
  static constexpr size_t kMaxAlign = 4096;
  static constexpr size_t kMaxBytes = size_t{1} << 39;  // of all items; allocators that check (sanitizers) abort on absurd sizes

  // Errors: CW_E_INVALID (sizes), CW_E_NOMEM. *ops must outlive the channel.
  static base::Result<Channel*> create(const cw_abi_item_ops& ops, size_t capacity) noexcept;
  // Ends the items that are left. Nobody waits in it or begins a call.
  static void destroy(Channel* channel) noexcept;

  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // CW_OK, CW_E_CLOSED, CW_E_TIMEOUT, CW_E_CANCELLED; CW_E_ASYNC in a signal handler that interrupted the runtime. timeout 0 does not wait.
  cw_status send(void* item, uint64_t timeout_ns, sched::StopPoint* stop = nullptr) noexcept;
  cw_status receive(void* item, uint64_t timeout_ns, sched::StopPoint* stop = nullptr) noexcept;
  cw_status close() noexcept;  // CW_OK, CW_E_CLOSED, CW_E_ASYNC

  // How many wait at either end at this moment, for reports and tests. Blocks: shortly.
  size_t waiting() noexcept;

 private:
  friend class Select;

  // What is left to do when a case was done under the lock: with nobody, or with a claimed waiter who is owed a move and ready().
  struct Met {
    Waiter* with = nullptr;
    void* to = nullptr;  // null: the item has moved
    void* from = nullptr;
  };

  Channel(const cw_abi_item_ops& ops, size_t capacity, std::byte* ring) noexcept;

  // The usual way through the ring: bytes, room or an item, and nobody waits. False: nothing was done.
  bool send_at_once(void* item) noexcept;
  bool receive_at_once(void* item) noexcept;
  cw_status send_slowly(void* item, uint64_t timeout_ns, sched::StopPoint* stop) noexcept;
  cw_status receive_slowly(void* item, uint64_t timeout_ns, sched::StopPoint* stop) noexcept;

  // Needs: lock_. CW_OK (then finish() after the unlock), CW_E_CLOSED, or CW_E_TIMEOUT: it has to wait.
  cw_status send_locked(void* item, Met& met) noexcept;
  cw_status receive_locked(void* item, Met& met) noexcept;
  // Needs: no lock held. Touches the channel only before ready(). INV-CH4
  void finish(const Met& met) const noexcept;
  // Needs: lock_. A hint for select: false means that it has to wait, true may be wrong (a waiter whose time is up).
  bool can_send() const noexcept { return closed_ || receivers_ != nullptr || count_ < capacity_; }
  bool can_receive() const noexcept { return closed_ || senders_ != nullptr || count_ != 0; }

  struct Limits {
    uint64_t timeout_ns;
    sched::StopPoint* stop;
  };
  cw_status wait(sched::WaitScope& scope, void*& queue, void* item, const Limits& limits, const char* what) noexcept;
  void advance(std::byte*& at) const noexcept {
    at += item_size_;
    if (at == end_) at = ring_;
  }
  void move(void* to, void* from) const noexcept;
  void take(void* to, void* from) const noexcept;
  // The ring's end and beginning; needs the lock and room, or an item.
  void push_locked(void* item) noexcept;
  void pop_locked(void* item) noexcept;

  base::Lock lock_{base::LockRank::Object};
  // --- guarded by lock_ ---
  bool closed_ = false;
  size_t count_ = 0;  // items in the ring
  void* receivers_ = nullptr;
  void* senders_ = nullptr;
  std::byte* in_;   // where the next item goes; in [ring_, end_), as out_
  std::byte* out_;  // the oldest item
  // --- constant ---
  const size_t capacity_;
  const size_t item_size_;
  void (*const move_)(void* to, void* from);  // of ops_, at hand
  void (*const take_)(void* to, void* from);
  std::byte* const ring_;
  std::byte* const end_;
  const cw_abi_item_ops* const ops_;
};

// --- the interface ends here ----------------------------------------------------------------------------------

// Eight bytes, a pointer or a number, is what most channels carry: a move that the compiler writes out.
inline void copy_item(void* to, const void* from, size_t size) noexcept {
  if (size == 8) [[likely]]
    std::memcpy(to, from, 8);
  else std::memcpy(to, from, size);
}

inline void Channel::move(void* to, void* from) const noexcept {
  if (move_ == nullptr) copy_item(to, from, item_size_);
  else move_(to, from);
}

inline void Channel::take(void* to, void* from) const noexcept {
  if (take_ == nullptr) copy_item(to, from, item_size_);
  else take_(to, from);
}

inline void Channel::push_locked(void* item) noexcept {
  move(in_, item);
  advance(in_);
  ++count_;
}

inline void Channel::pop_locked(void* item) noexcept {
  take(item, out_);
  sched::poison::freed(out_, item_size_);
  advance(out_);
  --count_;
}

inline cw_status Channel::send_locked(void* item, Met& met) noexcept {
  if (closed_) [[unlikely]]
    return CW_E_CLOSED;
  if (receivers_ != nullptr) {
    if (Waiter* receiver = WaitQueue(receivers_).pop_claimed()) {  // INV-CH1: the ring is empty
      met = {.with = receiver, .to = receiver->slot, .from = item};
      return CW_OK;
    }
  }
  if (count_ == capacity_) return CW_E_TIMEOUT;
  push_locked(item);
  return CW_OK;
}

inline cw_status Channel::receive_locked(void* item, Met& met) noexcept {
  if (count_ != 0) {
    pop_locked(item);
    if (senders_ != nullptr) {
      if (Waiter* sender = WaitQueue(senders_).pop_claimed()) {
        push_locked(sender->slot);  // INV-CH2, and the order of the items
        met.with = sender;
      }
    }
    return CW_OK;
  }
  if (senders_ != nullptr) {
    if (Waiter* sender = WaitQueue(senders_).pop_claimed()) {  // only with capacity 0: INV-CH2
      met = {.with = sender, .to = item, .from = sender->slot};
      return CW_OK;
    }
  }
  return closed_ ? CW_E_CLOSED : CW_E_TIMEOUT;
}

inline void Channel::finish(const Met& met) const noexcept {
  if (met.with == nullptr) return;
  sched::Parker* who = met.with->who;
  met.with->tag = CW_OK;  // INV-SEL2
  // INV-CH4: the channel's constants may be gone too once the other party runs; it does not before ready().
  if (met.to != nullptr) move(met.to, met.from);
  sched::ready(who);
}

}  // namespace causeway::sync
