// SPDX-License-Identifier: MIT
//
// world: a stop in which no managed code runs, and a look at every stack meanwhile.
//
// Row 9. May include: rows 1 to 8. Other folders include this header only.
//
//   run()     one stop at a time (turns.hpp). kStop on every M, one membarrier, then looks until all are outside (sched/halt.hpp): a few
//             without a pause, then with naps that grow from 10 us to 1 ms. Who is in user code of a green thread gets one signal, and again each
//             10 ms. Not all outside in time: the world goes on, and who did not stop is named.
//   visit()   inside the function that run() runs: what of every green thread's stack is in use, and of the C stacks between.
//
//   INV-WORLD1  While the function runs, no managed code does, and no green thread's stack or context changes. Queues, timers and counters may:
//               loops of Ms and threads outside of managed code go on until they would run a green thread.
//   INV-WORLD2  The function is not told to wait for anybody, and may itself wait for nobody: a stopped thread may hold any lock that is not ours.
#pragma once

#include <cstdint>

#include "causeway/causeway.h"
#include "runtime/base/base.hpp"

namespace causeway::world {

// Runs fn(arg) with the world stopped. `late`: who did not stop, when the answer is CW_E_TIMEOUT.
//
// Stack:       any but a signal handler's
// Blocks:      up to timeout_ns, and then for fn. A green thread keeps its processor
// Errors:      CW_E_TIMEOUT, CW_E_STATE (inside of such a function), CW_E_NOT_READY, CW_E_ASYNC
using LateText = base::TextBuffer<512>;
cw_status run(uint64_t timeout_ns, cw_fn fn, void* arg, LateText* late) noexcept;

// Inside of fn: each segment once; see cw_world_visit().
//
// Signal-safe: yes
// Errors:      CW_E_STATE (elsewhere)
enum class Parts { Green, GreenAndC };
cw_status visit(cw_visitor visitor, void* arg, Parts parts) noexcept;

uint64_t stops() noexcept;

// In a child of fork(): nobody stops the world, and nobody waits for a turn.
void forget_in_child() noexcept;

}  // namespace causeway::world
