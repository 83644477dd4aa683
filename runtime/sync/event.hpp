// SPDX-License-Identifier: MIT
//
// The event: a flag with waiters, whose set() may be called in a signal handler at any instruction. State: cw_abi_event in causeway/abi.h.
//
// One word holds the flag and the lock of the waiters' queue:
//
//   kSet       the next wait goes on at once
//   kWaiters   the queue is not empty
//   kLocked    somebody works on the queue
//   kReset     a reset() came while it was locked, after the sets that are counted
//   kClosed    nobody waits any more, nor will
//   pending    from bit 8: how many sets came while it was locked
//
// A set() that finds the word locked adds itself to `pending` and is done; whoever holds the lock serves it as part of the exchange that
// unlocks. So set() never waits, and the handler may have interrupted the very holder. A waiter keeps the word locked until its
// context is saved: its landing site unlocks, and serves the sets of that moment, maybe its own waiter's.
//
//   INV-EV1  The queue changes only while kLocked is set, by who set it.
//   INV-EV2  kLocked is cleared only together with a pending count of 0 that was served.
//   INV-EV3  The last access of set() is an exchange that does not yet let anybody through, or the one that unlocks. So who was let
//            through may free the memory.
//   INV-EV4  kSet and kWaiters are never both set while unlocked.
//
// Not chosen: a base::Lock and a flag (the flag would have to be looked at after the release, in memory that may be gone).
#pragma once

#include <cstddef>
#include <cstdint>

#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace causeway::sync {

// Blocks: never. Signal-safe: yes.
void event_set(cw_abi_event& event) noexcept;

void event_reset(cw_abi_event& event) noexcept;

// CW_OK, CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_CLOSED, CW_E_ASYNC.
// what, object: as in WaitOptions; null: an event, this one.
cw_status event_wait(cw_abi_event& event, uint64_t timeout_ns, sched::StopPoint* stop = nullptr, const char* what = nullptr,
                     const void* object = nullptr) noexcept;

// Ends all waits, now and later, with CW_E_CLOSED. A set that is there is still taken by one that comes before.
void event_close(cw_abi_event& event) noexcept;

// How many wait at this moment, for reports and tests. Blocks: shortly.
size_t event_waiting(cw_abi_event& event) noexcept;

}  // namespace causeway::sync
