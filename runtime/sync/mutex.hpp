// SPDX-License-Identifier: MIT
//
// The contended half of the mutex; the other half is inline in causeway/mutex.hpp. State: cw_abi_mutex in causeway/abi.h.
//
// Barging with a bound. An unlock frees the word and wakes the first waiter, which then competes with whoever comes by: handing the mutex
// over at each unlock would cost a switch per critical section, and with many owners per time slice that is most of the time. A
// waiter that was woken kMaxLosses times and found the mutex taken each time is handed it by the next unlock, so nobody starves.
//
// Who finds it taken spins shortly first, but only where that can help (WaitScope::may_spin): with one processor the owner cannot run
// meanwhile, and with other green threads ready it is better to let them.
//
// Word: LOCKED, WAITERS, WOKEN. All three change by exchange.
//
//   INV-MX1  WAITERS is set when the queue is not empty; it is set and cleared only under the address's lock.
//   INV-MX2  WOKEN is set while exactly one woken waiter has neither taken the mutex nor queued again; meanwhile unlocks wake nobody.
//   INV-MX3  An unlock's last access to the mutex is the exchange that clears LOCKED, or the claim of the waiter that it hands over to.
//
// Not chosen: a ticket or queue lock (every unlock waits for one certain waiter to be scheduled). Who owns it: owner.hpp.
#pragma once

#include <cstdint>

#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace causeway::sync {

// CW_OK, CW_E_STATE (the caller owns it), CW_E_TIMEOUT, CW_E_CANCELLED (by `stop` alone), CW_E_ASYNC. frame: an address in the caller's stack.
cw_status mutex_lock(cw_abi_mutex& mutex, uintptr_t frame, uint64_t timeout_ns, sched::StopPoint* stop = nullptr) noexcept;

// CW_OK, CW_E_STATE (nobody holds it), CW_E_ASYNC (then it stays locked).
cw_status mutex_unlock(cw_abi_mutex& mutex) noexcept;

}  // namespace causeway::sync
