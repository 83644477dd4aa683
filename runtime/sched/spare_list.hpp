// SPDX-License-Identifier: MIT
//
// Spare list: records that are never freed, taken and put back by any thread without a lock; last in, first out. For the Ms of foreign
// threads.
//
//   INV-SL1  A record is in the list at most once; who has popped it has it alone until it is pushed.
//   INV-SL2  Each change raises the number in the head. So a pop that read a head and a link which others have changed since does not go
//            through, also where the same record is first again with another one behind it (ABA).
//
// Not chosen: hazard pointers or a lock; the records live as long as the process, so a stale pointer can always be read.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::sched {

// Faults that the interleaving checker plants; the product takes none.
struct SpareListFaults {
  static constexpr bool kSameNumber = false;   // INV-SL2
  static constexpr bool kRelaxedPush = false;  // a record is published before what its last owner wrote
};

// Record: has `id`, constant, and `spare_next`, an atomic of 32 bits that is the list's.
template <class Record, class Env = base::RealAtomics, class Faults = SpareListFaults>
class SpareList {
 public:
  // Blocks: never; tries again only when another thread got through
  void push(Record* record) noexcept {
    constexpr auto kPublish = Faults::kRelaxedPush ? std::memory_order_relaxed : std::memory_order_release;
    uint64_t head = head_.load(std::memory_order_relaxed);
    // relaxed: published by the head, or not looked at.
    do record->spare_next.store(static_cast<uint32_t>(head), std::memory_order_relaxed);
    // release: the record as its last owner left it; pairs with the acquire in pop(). Later changes are exchanges too: they keep it alive.
    while (!head_.compare_exchange_weak(head, changed(head, record->id + 1), kPublish, std::memory_order_relaxed));
  }

  // Null when there is none. at(id): the record with that id.
  template <class At>
  Record* pop(At at) noexcept {
    uint64_t head = head_.load(std::memory_order_acquire);
    while (static_cast<uint32_t>(head) != 0) {
      Record* record = at(static_cast<uint32_t>(head) - 1);
      // relaxed: the number in the head tells when this was a stale link. INV-SL2
      const uint64_t next = changed(head, record->spare_next.load(std::memory_order_relaxed));
      if (head_.compare_exchange_weak(head, next, std::memory_order_acquire, std::memory_order_acquire)) return record;
    }
    return nullptr;
  }

  // A hint.
  bool empty() const noexcept { return static_cast<uint32_t>(head_.load(std::memory_order_relaxed)) == 0; }

 private:
  static uint64_t changed(uint64_t head, uint32_t first) noexcept { return ((head >> 32) + (Faults::kSameNumber ? 0 : 1)) << 32 | first; }

  // In the low half the id + 1 of the first record, in the high half the number.
  typename Env::template atomic<uint64_t> head_{0};
};

}  // namespace causeway::sched
