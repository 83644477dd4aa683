// SPDX-License-Identifier: MIT
//
// The contended half of the shared mutex; the other half is inline in causeway/shared_mutex.hpp. State: cw_abi_shared_mutex in causeway/abi.h.
//
// It is handed over, in turns: who held it alone lets in all readers that wait at that moment, also those that came after a waiting
// writer; the last of the readers lets in the first writer. While anybody waits nobody else gets in. So a reader waits for one writer at
// most once it is queued, and a writer for those that came before it and one group of readers for each: neither starves.
//
// Word: how many share it, ALONE, WAITERS.
//
//   INV-SX1  The count and ALONE are never both there.
//   INV-SX2  WAITERS is set exactly while a queue is not empty, and changes only under the address's lock. While it is set somebody holds the
//            mutex, and the word changes only under that lock, save that one of several readers may count itself out.
//   INV-SX3  A reader waits only while somebody holds it alone or a writer waits: when the last waiting writer gives up, the readers behind it
//            join those that are inside.
//   INV-SX4  The last access of an unlock is the exchange, or the store, that shows the next holders; they are claimed before it and made
//            ready after it. So the next owner may free the memory.
//   INV-OW1  (owner.hpp) for who holds it alone.
//
// Not chosen: one queue in order of arrival (readers between writers would go in one by one); barging as in the mutex (a group of readers
// that is overtaken by a writer would have to be put back as a group).
#pragma once

#include <cstddef>
#include <cstdint>

#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace causeway::sync {

// CW_OK, CW_E_STATE (the caller holds it alone), CW_E_LIMIT (2^31 - 1 readers), CW_E_TIMEOUT, CW_E_CANCELLED (by `stop` alone),
// CW_E_ASYNC. frame: an address in the caller's stack.
cw_status shared_mutex_lock(cw_abi_shared_mutex& mutex, uintptr_t frame, uint64_t timeout_ns, sched::StopPoint* stop = nullptr) noexcept;
cw_status shared_mutex_lock_shared(cw_abi_shared_mutex& mutex, uintptr_t frame, uint64_t timeout_ns,
                                   sched::StopPoint* stop = nullptr) noexcept;

// CW_OK, CW_E_STATE (not held in that way), CW_E_ASYNC (then it stays held).
cw_status shared_mutex_unlock(cw_abi_shared_mutex& mutex) noexcept;
cw_status shared_mutex_unlock_shared(cw_abi_shared_mutex& mutex) noexcept;

// How many wait at this moment, for reports and tests. Blocks: shortly.
size_t shared_mutex_waiting(cw_abi_shared_mutex& mutex) noexcept;

}  // namespace causeway::sync
