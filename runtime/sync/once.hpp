// SPDX-License-Identifier: MIT
//
// The waiting half of once; whether it is done is looked at inline in causeway/once.hpp. State: cw_abi_once in causeway/abi.h.
//
//   INV-ON1  The word is RUNNING or WAITED from a begin that answered `mine` until its end; WAITED exactly while the queue is not empty, changed
//            under the address's lock.
//   INV-ON2  The last access of an end is the exchange, or the store, that shows DONE or NEW: the queue is detached before it. So who
//            finds it done may free the memory.
//   INV-OW1  (owner.hpp) for who does it.
//
// After an attempt that threw all waiters are woken, and one of them does it: that is rare, and no waiter depends on another's luck.
#pragma once

#include <cstddef>
#include <cstdint>

#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace causeway::sync {

// CW_OK, CW_E_STATE (the caller is doing it), CW_E_TIMEOUT, CW_E_CANCELLED (by `stop` alone), CW_E_ASYNC.
cw_status once_begin(cw_abi_once& once, uintptr_t frame, uint64_t timeout_ns, bool& mine, sched::StopPoint* stop = nullptr) noexcept;

enum class OnceEnd : uint8_t { NotDone, Done };
// Blocks: shortly. Signal-safe: no
void once_end(cw_abi_once& once, OnceEnd end) noexcept;

// How many wait at this moment, for reports and tests. Blocks: shortly.
size_t once_waiting(cw_abi_once& once) noexcept;

}  // namespace causeway::sync
