// SPDX-License-Identifier: MIT
//
// Coming back from C when the poll word is not 0: the P was taken meanwhile, or somebody looks around.
#pragma once

#include "runtime/sched/green.hpp"
#include "runtime/sched/machine.hpp"

namespace causeway::sched {

// After the return of a call out of g, or for a call in that g runs: Gate::come_back() of m said no. Gets a P, if m is a worker without one: an
// idle one at once, else g queues up. Returns the M to go on with, which is another one only for a green thread without C frames below it.
// While the world stops it waits in C, at `anchor`.
//
// Needs:  m's anchor is 0, m->current == g. Stack: user
// Blocks: until there is a P
M* come_back_slow(M* m, G* g, uintptr_t anchor) noexcept;

// Gives up the P before a call that will wait. Needs: user code of m's green thread
void give_up_p(M* m) noexcept;

// By the monitor: takes the Ps of calls to C that last. Returns how soon it should look again, kNoDeadline if at its usual time.
uint64_t retake_from_c(uint64_t now) noexcept;

}  // namespace causeway::sched
