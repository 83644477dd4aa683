// SPDX-License-Identifier: MIT
//
// The condition variable under causeway/condition_variable.hpp, for any kind of lock. State: cw_abi_condition in causeway/abi.h.
//
// A wait has two steps, because the lock that it gives back in between is the caller's, and may itself wait:
//
//   enter     queue the waiter, not asleep yet        a notification from here on is not lost
//   (the caller's lock is given back)
//   wait_for  notified meanwhile? else open the ticket and park, where it stands in the queue
//
//   INV-CV1  Waiter::who is null between enter and the parking: who notifies such a waiter sets its tag under the address's lock, and
//            makes nobody ready.
//   INV-CV2  A notification goes to one waiter that is queued, and takes it out. One that could not be claimed, its time being up, does
//            not use it up.
//   INV-CV3  A notified waiter does not touch the condition any more, and a notify does not after it has let one go: it may be destroyed
//            when all have been notified.
//
// Not chosen: a sequence number that waiters compare (nobody would be first, and a stolen wake-up would have to be passed on); opening the
// ticket in enter (the caller's unlock may park, which takes another ticket of the same party).
#pragma once

#include <cstddef>
#include <cstdint>

#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace causeway::sync {

// CW_OK, CW_E_ASYNC. Pairs with: condition_wait_for(), on every way out
cw_status condition_enter(cw_abi_condition& condition, cw_abi_condition_wait& wait) noexcept;

// CW_OK (notified), CW_E_TIMEOUT, CW_E_CANCELLED. timeout 0: takes the waiter out.
cw_status condition_wait_for(cw_abi_condition& condition, cw_abi_condition_wait& wait, uint64_t timeout_ns,
                             sched::StopPoint* stop = nullptr) noexcept;

enum class Notify : uint8_t { One, All };
// CW_OK, CW_E_ASYNC. Signal-safe: no
cw_status condition_notify(cw_abi_condition& condition, Notify whom) noexcept;

// How many are parked at this moment, for reports and tests; those on their way there do not count. Blocks: shortly.
size_t condition_waiting(cw_abi_condition& condition) noexcept;

}  // namespace causeway::sync
