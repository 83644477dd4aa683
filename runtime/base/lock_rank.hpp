// SPDX-License-Identifier: MIT
//
// The table of lock ranks. A lock may be taken only while its thread holds locks of lower ranks (or none), so that no two threads can wait
// for each other. Debug-check builds prove it on every lock: a violation is fatal `invariant` and names both ranks.
//
//   | rank    | locks                                             | taken while holding, for example  |
//   |---------|---------------------------------------------------|-----------------------------------|
//   | Runtime | start and stop of the runtime, and of the poller  | nothing                           |
//   | Object  | one channel; the waiters of a mutex, shared       | nothing                           |
//   |         | mutex, condition, once, semaphore, wait group or  |                                   |
//   |         | event; a stripe of descriptors; the handle table  |                                   |
//   | Task    | joiners and stop state of one green thread        | Object                            |
//   | Sched   | idle lists, P hand-over, the global queue         | Task                              |
//   | Timer   | the timer wheel of one P                          | Sched                             |
//   | Stack   | lists of one stack class; the arena of records    | Timer                             |
//   | Slab    | the table of slabs                                | Stack                             |
//   | Log     | the log sink, the boards of hogs and of plain     | anything                          |
//   |         | threads that wait, installing our signal          |                                   |
//
// Two locks of one rank: only through Lock::lock_same_rank(), whose caller keeps an order of its own (select: by address).
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/base/config.h"

namespace causeway::base {

enum class LockRank : uint8_t { Runtime, Object, Task, Sched, Timer, Stack, Slab, Log };

std::string_view lock_rank_name(LockRank rank) noexcept;

// The bookkeeping of one thread's held ranks; called by Lock in debug-check builds only.
// Signal-safe: yes, if the handler gives back every lock that it takes.
namespace lock_ranks {
enum class Same : uint8_t { Forbidden, Allowed };
void acquired(LockRank rank, Same same) noexcept;  // fatal when the order is broken
void try_acquired(LockRank rank) noexcept;         // a try cannot deadlock: counted, not judged
void released(LockRank rank) noexcept;             // fatal when this thread holds none of that rank
// How many locks of the rank the calling thread holds, by this account; 0 without debug checks.
unsigned held(LockRank rank) noexcept;
}  // namespace lock_ranks

}  // namespace causeway::base
