// SPDX-License-Identifier: MIT
//
// Channel: a bounded ring of items, and the senders and receivers that wait at its two ends. The type is erased: items are moved by
// cw_abi_item_ops, or copied as bytes.
//
// Where two parties meet, the item goes straight from the sender's memory to the receiver's: the second party claims the first under the
// lock, moves the item after it has released it (a claimed waiter cannot leave), and makes the first one ready. Items that
// go through the ring move under the lock.
//
//   INV-CH1  A receiver waits only while the ring is empty and no sender waits.
//   INV-CH2  A sender waits only while the ring is full: whoever takes an item refills the ring from the first waiting sender.
//   INV-CH3  After close nobody waits, and nothing is added.
//   INV-CH4  A call that let somebody go does not touch the channel any more, so that one may destroy it.
//
// Not chosen: a lock-free ring (select needs several channels locked at once, and a hand-over has to look at two queues).
// The numbers behind that: bench/.
#pragma once

#include <cstddef>
#include <cstdint>

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
  cw_status send(void* item, uint64_t timeout_ns) noexcept;
  cw_status receive(void* item, uint64_t timeout_ns) noexcept;
  cw_status close() noexcept;  // CW_OK, CW_E_CLOSED, CW_E_ASYNC

  // How many wait at either end at this moment, for reports and tests. Blocks: shortly.
  size_t waiting() noexcept;

 private:
  Channel(const cw_abi_item_ops& ops, size_t capacity, std::byte* ring) noexcept;

  cw_status wait(sched::WaitScope& scope, void*& queue, void* item, uint64_t deadline_ns, const char* what) noexcept;
  std::byte* slot(size_t index) const noexcept { return ring_ + index * item_size_; }
  void move(void* to, void* from) const noexcept;
  void take(void* to, void* from) const noexcept;
  // The ring's end and beginning; needs the lock and room, or an item.
  void push_locked(void* item) noexcept;
  void pop_locked(void* item) noexcept;

  base::Lock lock_{base::LockRank::Object};
  // --- guarded by lock_ ---
  bool closed_ = false;
  size_t head_ = 0;   // index of the oldest item
  size_t count_ = 0;  // items in the ring
  void* receivers_ = nullptr;
  void* senders_ = nullptr;
  // --- constant ---
  const size_t capacity_;
  const size_t item_size_;
  std::byte* const ring_;
  const cw_abi_item_ops* const ops_;
};

}  // namespace causeway::sync
