// SPDX-License-Identifier: MIT
//
// The warm way of a call out, inline; outbound.hpp has the steps. What is rare is behind calls, in call.cc and resumed.cc.
#pragma once

#include <cstdint>

#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace causeway::outbound {

// Runs body(frame) as C code, whatever is the matter. `kind` is an enum cw_call_kind. Elsewhere than in user code of a green thread, and inside
// a leaf call, it is a plain call. Nothing but foreign unwinding may leave body.
//
// CW_E_PANIC: a call in below it left an exception for it, in G::tunnelled. CW_OK: body has returned.
cw_status call(int kind, cw_abi_body body, void* frame, const void* function);

// Back in g, on the thread or another one, with all checks. `eh_saved`: g->eh has its exception globals.
cw_status end_closely(sched::G* g, uint64_t id, uintptr_t sp, bool eh_saved) noexcept;
// The same, and our frame stays until it is done: G::out names it, and a walk may look there. A tail call would give it up.
CW_ALWAYS_INLINE cw_status end_in_frame(sched::G* g, uint64_t id, uintptr_t sp, bool eh_saved) noexcept {
  const cw_status status = end_closely(g, id, sp, eh_saved);
  asm volatile("");
  return status;
}
// What C has left of exceptions is the host's; g's own come back from g->eh if they were saved there. Needs: the thread that C was on.
void take_back(sched::M* m, sched::G* g, bool saved) noexcept;

CW_ALWAYS_INLINE uintptr_t room_of(const sched::G* g, uintptr_t sp) noexcept { return sp - reinterpret_cast<uintptr_t>(g->stack.low); }

// g is in user code of its own. A handler on top of a call out that is about to leave, or is just back, finds its record in use.
CW_ALWAYS_INLINE bool may_be_left(const sched::M* m, const sched::G* g, uintptr_t sp) noexcept {
  return m->leaf == nullptr && room_of(g, sp) < g->stack.bytes() && !m->gate.in_runtime() && !g->out.in_c();
}

CW_ALWAYS_INLINE void begin(sched::M* m, sched::G* g, uintptr_t sp, uintptr_t pc, const void* function) noexcept {
  g->out.sp.store(sp, std::memory_order_relaxed);  // first: from here a handler on top of us leaves the record alone
  g->out.pc = pc;
  g->out.function = function;
  if (!g->in.active) m->base = g;
  m->calls_out.store(m->calls_out.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // relaxed: the owner alone adds
}

// The call out is left by unwinding. Told by the pivot's landing pad; on the green stack.
void unwound(void* exception, void* stack_high) noexcept;

// Its C code runs below the caller's, from c_high down: the pivot to there and back.
CW_ALWAYS_INLINE void run_in_c(const sched::M* m, const sched::G* g, uintptr_t c_high, cw_abi_body body, void* frame) {
#if CW_ASAN || defined(CW_CPU_PORTABLE)
  crossing::TellsUnwinding<&unwound> tells(reinterpret_cast<void*>(c_high));
  crossing::pivot_bare(sched::c_stack_low(m, g), reinterpret_cast<void*>(c_high), body, frame, sched::c_stack_top(m, g));
  tells.returned();
#else
  static_cast<void>(m);
  static_cast<void>(g);
  crossing::pivot_bare(0, reinterpret_cast<void*>(c_high), body, frame);
#endif
}

// The call out of g is the innermost on m's thread, and it is the one that was begun. (An M
// that is given back loses that anchor, and only resumed() sets it anew.)
// 0, else it is not, or it has an exception to throw.
CW_ALWAYS_INLINE uintptr_t not_there(const sched::M* m, const sched::G* g, uint64_t id, uintptr_t sp) noexcept {
  return (reinterpret_cast<uintptr_t>(sched::green_of(m->gate.own_anchor())) ^ reinterpret_cast<uintptr_t>(g)) |
         (g->out.sp.load(std::memory_order_relaxed) ^ sp) | (g->id ^ id);
}

// A quick call out. If something is the matter, it ends with call(): at once, so that the warm way has nothing to keep for it.
CW_ALWAYS_INLINE cw_status call_quick(cw_abi_body body, void* frame, const void* function) {
  os::ThreadWords* words = os::thread_words_here();
  auto* m = static_cast<sched::M*>(words->m);
  if (m == nullptr) [[unlikely]]
    return call(CW_QUICK, body, frame, function);
  sched::G* g = m->current;
  const uintptr_t sp = sched::frame_here();
  // may_be_left(), no exception in flight on either side, and float_apart() is off: one test for all that is nearly always 0.
  const uintptr_t matter = reinterpret_cast<uintptr_t>(m->leaf) | m->gate.in_runtime_word() | g->out.sp.load(std::memory_order_relaxed) |
                           (g->in.rare.load(std::memory_order_relaxed) & (crossing::Inbound::kHostEh | crossing::Inbound::kFloat)) |
                           sched::in_flight(*m->eh);
  if (matter != 0 || room_of(g, sp) >= g->stack.bytes()) [[unlikely]]
    return call(CW_QUICK, body, frame, function);
  const uint64_t id = g->id;
#if defined(CW_PLANT_ANCHOR_FIRST)  // a test's build breaks INV-CR1
  m->gate.leave(reinterpret_cast<uintptr_t>(&g->out));
  for (int i = 0; i < CW_PLANT_ANCHOR_FIRST; ++i) arch::relax();
#endif
  begin(m, g, sp, reinterpret_cast<uintptr_t>(__builtin_return_address(0)), function);
  const uintptr_t c_high = sched::c_stack_high(m, g);
  g->out.c_sp = c_high - 1;
  sched::into_c(words, m, reinterpret_cast<uintptr_t>(&g->out));

  run_in_c(m, g, c_high, body, frame);

  words = os::thread_words_here();
  const uintptr_t sp_now = sched::frame_here();  // the same, and in no register that would have to be saved
  // The thread first: of another one m->eh may be gone.
  if (words->note != reinterpret_cast<uintptr_t>(m) || (not_there(m, g, id, sp_now) | sched::in_flight(*m->eh)) != 0) [[unlikely]]
    return end_in_frame(g, id, sp_now, false);
  sched::shut_out_handlers(words, m);
  m->current = g;
  if (!m->gate.come_back()) [[unlikely]]
    sched::come_back_slow(m, g, reinterpret_cast<uintptr_t>(&g->out));
  g->out.sp.store(0, std::memory_order_relaxed);  // last: INV-CR1
  return CW_OK;
}

}  // namespace causeway::outbound
