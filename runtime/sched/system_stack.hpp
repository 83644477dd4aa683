// SPDX-License-Identifier: MIT
//
// On which C stack a call in has come: update_system_stack(), for the first call of a thread and for each later one alike.
//
// In this order, as soon as one holds sp: the bounds in use; the declared ranges; what this thread was seen on before; its own stack, asked
// for once; then, not in a signal handler on its alternate stack, a guess. What a call may not come on is looked at before the guess:
//
//   INV-SS1  sp is not in a green thread's stack, not in a worker's system stack but its own, and not in another bound thread's own stack:
//            somebody else owns what lies below sp there. That ends the process (stack-out-of-bounds, status 2).
//   INV-SS2  With stack_policy strict, so does a change of stacks while a call out of this thread has not returned.
#pragma once

#include <cstdint>

#include "arch/arch.hpp"
#include "causeway/causeway.h"
#include "runtime/sched/machine.hpp"

namespace causeway::sched {

// Needs:       the calling thread is m's; `anchor`: of m in C, kIdleAnchor if all calls out of the thread have returned
// Blocks:      for short locks; asks pthread once per thread
// Errors:      CW_E_ASYNC (sp is on the thread's alternate signal stack)
// Signal-safe: no, but it answers CW_E_ASYNC to a handler on its alternate stack before it does anything that is not
cw_status update_system_stack(M* m, uintptr_t sp, uintptr_t anchor) noexcept;

// Is sp in what m's thread uses now?
CW_ALWAYS_INLINE bool on_known_stack(const M* m, uintptr_t sp) noexcept { return m->host.holds(sp); }

// Is sp in what it used before? Then it uses that again. For calls in that are not below a call out.
CW_ALWAYS_INLINE bool use_stack_before(M* m, uintptr_t sp) noexcept {
  const HostWindow before = m->host_before;
  if (!before.holds(sp) || m->stacks.generation != declared_stacks::generation()) return false;
  m->host_before = m->host;
  m->host = before;
  return true;
}

// Is too little left below sp, on what m's thread uses now?
CW_ALWAYS_INLINE bool is_scarce(const M* m, uintptr_t sp) noexcept { return sp - m->host.low < m->host.scarce; }

// Where the C stack is free that code of ours and of C's is called on by m's green thread g: below the call in that it runs; else below all that
// the suspended loop has on its stack (on arch/portable further down than its sp).
CW_ALWAYS_INLINE uintptr_t c_stack_high(const M* m, const G* g) noexcept {
  return g->in.active ? arch::pivot_caller_low(g->in.high) : arch::saved_low(m->system.sp);
}
inline uintptr_t c_stack_low(const M* m, const G* g) noexcept { return g->in.active ? m->host.low : uintptr_t{m->stack_low}; }
// Where it ends, above the frames of those that called us; 0 where that is not known.
inline uintptr_t c_stack_top(const M* m, const G* g) noexcept {
  return g->in.active && m->host.how != KnownBy::Guess && m->host.holds(c_stack_high(m, g)) ? m->host.low + m->host.bytes : 0;
}

// The bounds in use were declared, and declarations have changed since: they are looked up anew.
void drop_undeclared(M* m) noexcept;

// A new worker's own stack.
void use_own_stack(M* m, uintptr_t low, uintptr_t high) noexcept;
// The thread that m is given to has stacks of its own.
void forget_stacks(M* m) noexcept;

}  // namespace causeway::sched
