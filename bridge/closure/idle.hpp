// SPDX-License-Identifier: MIT
//
// How closers find out that nobody runs a callback, and who reads what is left of one: the closure's part of crossing/callee.hpp's protocol, as templates
// that the interleaving checker runs too (tests/cpp/interleave/close_test.cc).
#pragma once

#include <atomic>
#include <cstdint>

#include "causeway/causeway.h"
#include "runtime/crossing/crossing.hpp"

namespace causeway::closure {

// Waits until look() says 0: a number of calls, by sched::callees::watch(), of callbacks that were closed before.
//
// host.ends()             how many watched calls have ended
// host.marks()            sched::callees::marks()
// host.wait_for_end(ends) until there are more than these; CW_OK, or why not
// host.expired()          the time is up. Asked in each round: others may end and mark as fast as we look
template <class Env, class Host, class Look>
cw_status wait_until_idle(Host& host, Look& look) noexcept {
  for (;;) {
    const uint64_t ends = host.ends();  // before the look: a call that it finds ends later
    const uint64_t marks = host.marks();
    Env::heavy();
    if (look() == 0) return CW_OK;
    if (host.expired()) return CW_E_TIMEOUT;
    if (host.marks() != marks) continue;  // heavy, and once more: INV-CA2
    if (const cw_status status = host.wait_for_end(ends); status != CW_OK) return status;
  }
}

// Ends what can be ended of the released callbacks, and puts the others back, whose last call settles again.
//
// host.take_pending(ends) the list (by Slot::next), which is empty then; and ends(), at the same moment
// host.put_back(list)     the other way round
template <class Env, class Host>
void settle_pending(Host& host) noexcept {
  for (bool again = true; again;) {
    uint64_t ends = 0;
    auto* list = host.take_pending(ends);
    if (list == nullptr) return;
    const uint64_t marks = host.marks();
    Env::heavy();
    decltype(list) rest = nullptr;
    while (list != nullptr) {
      auto* slot = list;
      list = slot->next;
      if (host.watch(slot) == 0) {
        host.end(slot);
        continue;
      }
      slot->next = rest;
      rest = slot;
    }
    if (rest == nullptr) return;
    again = host.marks() != marks;         // one may have ended before it could see its mark: INV-CA2
    again |= host.put_back(rest) != ends;  // who ended meanwhile did not find them
  }
}

// --- INV-SL1: who reads the fallback of a closed slot, and who uses the slot again ------------------------------

// Pairs with end_reading(). The type (an address) of the callback that has the slot, which is not used again until then. 0: nobody's.
template <class Record>
uintptr_t begin_reading(Record& slot) noexcept {
  // acquire: the cleared state; pairs with claim_slot().
  if ((slot.readers.fetch_add(1, std::memory_order_acquire) & Record::kTaken) != 0) return 0;
  // acquire: the fallback and what else a new callback has; pairs with the release in open().
  return slot.state.load(std::memory_order_acquire) & ~crossing::Callee::kBits;
}

template <class Record>
void end_reading(Record& slot) noexcept {
  slot.readers.fetch_sub(1, std::memory_order_release);  // pairs with the acquire in claim_slot()
}

// For who uses a dead slot again. True: nobody reads its fallback, and those who come later find that the slot is no longer what they called.
template <class Record>
bool claim_slot(Record& slot) noexcept {
  uint32_t readers = 0;
  // acquire: pairs with the release of the last reader's end, which is done with the fallback.
  if (!slot.readers.compare_exchange_strong(readers, Record::kTaken, std::memory_order_acquire, std::memory_order_relaxed)) return false;
  slot.state.store(0, std::memory_order_relaxed);
  slot.readers.fetch_sub(Record::kTaken, std::memory_order_release);  // the state; pairs with the acquire of a reader's begin
  return true;
}

}  // namespace causeway::closure
