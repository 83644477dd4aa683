// SPDX-License-Identifier: MIT
//
// The contended half of the semaphore; the other half is inline in causeway/semaphore.hpp. State: cw_abi_semaphore in causeway/abi.h.
//
// First come, first served: what is given back while somebody waits goes to the first waiter itself and never through the count, so no
// newcomer can take it. That costs nothing here: a waiter sleeps because there is nothing, not because somebody is shortly inside.
//
//   INV-SM1  While WAITERS is set the count is 0, and the word changes only under the address's lock.
//   INV-SM2  WAITERS is set exactly while the queue is not empty.
//   INV-SM3  The last access of a release is the exchange, or the store, that shows what it gave; waiters are claimed before it and made
//            ready after it. So who got something may free the memory.
//
// Not chosen: barging as in the mutex (a semaphore is held for long, and often given back by somebody else).
#pragma once

#include <cstddef>
#include <cstdint>

#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace causeway::sync {

// CW_OK, CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_ASYNC.
cw_status semaphore_acquire(cw_abi_semaphore& semaphore, uint64_t timeout_ns, sched::StopPoint* stop = nullptr) noexcept;

// CW_OK, CW_E_LIMIT, CW_E_ASYNC. Signal-safe: no
cw_status semaphore_release(cw_abi_semaphore& semaphore, uint32_t n) noexcept;

// How many wait at this moment, for reports and tests. Blocks: shortly.
size_t semaphore_waiting(cw_abi_semaphore& semaphore) noexcept;

}  // namespace causeway::sync
