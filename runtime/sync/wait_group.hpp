// SPDX-License-Identifier: MIT
//
// The wait group: a count, and those who wait until it is 0. State: cw_abi_wait_group in causeway/abi.h.
//
// Word: the count in the low half, kWaiters above it. Without waiters add() is one exchange.
//
//   INV-WG1  kWaiters is set exactly while the queue is not empty, and changes only under the address's lock. While it is set, the
//            step of the count to 0 is made under that lock.
//   INV-WG2  The exchange that makes the count 0 is the last access of its caller; the waiters were taken out before it. So who sees
//            0 may free the memory.
#pragma once

#include <cstdint>

#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace causeway::sync {

// CW_OK, CW_E_STATE (negative), CW_E_LIMIT (over 2^31 - 1), CW_E_ASYNC.
cw_status wait_group_add(cw_abi_wait_group& group, int64_t delta) noexcept;

// CW_OK, CW_E_TIMEOUT, CW_E_CANCELLED (by `stop` alone), CW_E_ASYNC.
cw_status wait_group_wait(cw_abi_wait_group& group, uint64_t timeout_ns, sched::StopPoint* stop = nullptr) noexcept;

}  // namespace causeway::sync
