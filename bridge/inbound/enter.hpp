// SPDX-License-Identifier: MIT
//
// The warm way of a call in, inline, so that a call from an entry is one frame of ours and the pivot's. inbound.hpp has the steps and INV-IN*;
// what is rare is behind calls, in enter.cc. Decision 0015 has what a call costs, and why it is in this form.
#pragma once

#include <cstdint>

#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace causeway::inbound {

// What is to run, on the green thread's stack.
struct Call {
  uint64_t a, b, c;
  const cw_abi_entry* entry;
  // Not null: the callback that is called, of the type that begins with *entry (cw_abi_callback_type). Then the call is CW_E_CLOSED if it is closed.
  crossing::Callee* callee = nullptr;
  uintptr_t sp = 0;  // of the frame that C called, whether C has jumped over calls; 0: not known
};

// Any call in, whatever is the matter.
//
// From the first store to the thread's word to the last, a signal handler on top of us that calls in is told CW_E_ASYNC.
//
// Stack:       host, or the C stack of a call out
// Allocates:   at the first call of a thread, and when it nests deeper than before
// Errors:      CW_E_NOT_READY, CW_E_STOPPED, CW_E_DEPTH, CW_E_LIMIT, CW_E_NOMEM, CW_E_ASYNC, CW_E_CLOSED
// Signal-safe: no, but it answers CW_E_ASYNC to most handlers that try
cw_status enter(const Call& call, uint64_t* result);

// Ends of a call in that are rare; they take its result and give it back, so that the warm way keeps nothing for after them.
// One that was moved, or left something (Inbound::rare). `found`: the anchor that it found.
uint64_t end_closely(sched::G* g, uintptr_t found, uint64_t result);
// The list has changed since g was taken from it: puts g back, or frees it if there are enough; and the rest of end().
uint64_t end_out_of_order(sched::M* m, sched::G* g, uintptr_t back, uint64_t result) noexcept;
// The anchor to put back, when the one that was found may belong to a call out that is over.
uintptr_t anchor_to_put_back(const sched::M* m, uintptr_t before) noexcept;

// No call in follows that would tell who waits for one that C code has jumped over. In C.
void tell_closers(sched::M* m) noexcept;
// Managed code runs on the thread, or has jumped to C, at sp now. True: it has, and the thread is in C.
bool own_jump_seen(sched::M* m, uintptr_t sp) noexcept;

// g, the first of the list, is what runs, as call `number` of m.
CW_ALWAYS_INLINE void begin(sched::M* m, sched::G* g, uint64_t number) noexcept {
  m->call_greens = g->next_ready;
  g->id = m->id_base + number;
  m->current = g;
  m->calls_in.store(number + 1, std::memory_order_relaxed);  // relaxed: the owner alone adds
}

// Whose call out a call in is below, and how deep it is.
struct Place {
  sched::G* outer = nullptr;
  uint32_t depth = 1;
};

// Needs: inside, so that the record that the anchor `before` names is there.
CW_ALWAYS_INLINE Place place_of(const sched::M* m, uintptr_t before) noexcept {
  sched::G* caller = sched::green_of(before);
  // Below a call out whose C code is on the same stack. On another one it is beside it: a coroutine, whoever made that.
  if (caller->m == m && caller->out.in_c() && sched::on_known_stack(m, caller->out.c_sp)) [[likely]]
    return {caller, caller->depth + 1};
  return {};
}

CW_ALWAYS_INLINE bool too_deep(const sched::M* m, const Place& place) noexcept {
  return place.depth > sched::scheduler().options.max_depth || sched::is_scarce(m, sched::frame_here());
}

CW_ALWAYS_INLINE void begin_nested(sched::M* m, sched::G* g, const Place& place, uintptr_t found) noexcept {
  g->outer = place.outer;
  if (place.outer != nullptr) g->outer_id = place.outer->id;
  else g->in.found = found;
  g->depth = place.depth;
  m->nested.store(m->nested.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // relaxed: the owner alone adds
}

// The anchor that a nested call in found.
CW_ALWAYS_INLINE uintptr_t found_by(const sched::G* g) noexcept {
  const sched::G* outer = g->outer;
  return outer != nullptr ? reinterpret_cast<uintptr_t>(&outer->out) : g->in.found;
}

// The call in is left by unwinding. Told by the pivot's landing pad; on the C stack.
void unwound(void* exception, void* stack_high) noexcept;

// Here the target runs.
CW_ALWAYS_INLINE uint64_t run(const sched::G* g, const Call& call) {
#if CW_ASAN || defined(CW_CPU_PORTABLE)
  crossing::TellsUnwinding<&unwound> tells(g->in.high);
  const uint64_t result =
      crossing::pivot_words(reinterpret_cast<uintptr_t>(g->stack.low), g->in.high, call.entry->target, call.a, call.b, call.c);
  tells.returned();
  return result;
#else
  return crossing::pivot_words(reinterpret_cast<uintptr_t>(g->stack.low), g->in.high, call.entry->target, call.a, call.b, call.c);
#endif
}

// g is in the callback from here on, unless it is closed. Only the warm way, which nobody takes in fence mode, does without a fence: INV-CA1.
CW_ALWAYS_INLINE bool begin_callee_warm(sched::G* g, crossing::Callee* callee, const cw_abi_entry* entry) noexcept {
  return crossing::begin_callee_warm(g->in, callee, reinterpret_cast<uintptr_t>(entry));
}

// The target has returned. Before end_warm(), which looks at Inbound::rare: INV-CA2.
CW_ALWAYS_INLINE void end_callee_warm(sched::G* g) noexcept { crossing::end_callee_warm(g->in); }

CW_ALWAYS_INLINE void leave(sched::M* m, [[maybe_unused]] const sched::G* g, uintptr_t back) noexcept {
  // release: all that this call did; pairs with the acquire in M::inside().
  m->calls_ended.store(m->calls_ended.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  m->current = &m->system;  // a signal handler on top of us looks there, and the record's runtime may be gone once the anchor is stored
#if defined(CW_PLANT_NOT_PUT_BACK)  // a test's build breaks INV-IN1
  if (back != crossing::kIdleAnchor) back = reinterpret_cast<uintptr_t>(&g->out);
#endif
  sched::into_c(m->words, m, back);
}

CW_ALWAYS_INLINE uint64_t end(sched::M* m, sched::G* g, uintptr_t back, uint64_t result) noexcept {
  g->id = 0;
  if (m->call_greens != g->next_ready) [[unlikely]]
    return end_out_of_order(m, g, back, result);
  m->call_greens = g;
  static_cast<uintptr_t*>(g->in.high)[-2] = 0;  // nobody takes it for the place of a call in progress: enter_again()
  leave(m, g, back);
  return result;
}

CW_ALWAYS_INLINE uint64_t end_nested(sched::M* m, sched::G* g, uint64_t result) noexcept {
  // INV-IN1. Whoever called out is there still, or has gone on out of its turn.
  const sched::G* outer = g->outer;
  const uintptr_t found = found_by(g);
  const bool there = outer != nullptr && outer->m == m && outer->out.in_c();
  g->outer = nullptr;
  g->in.found = crossing::kIdleAnchor;
  g->depth = 1;
  return end(m, g, there ? found : anchor_to_put_back(m, found), result);
}

// The first half of a call with which nothing is the matter: the thread is bound to m and nothing of ours runs on it, the stack is the one in use
// (the caller has looked), and so on. Null: nothing was done; enter() knows.
template <bool kNested>
CW_ALWAYS_INLINE sched::G* begin_warm(os::ThreadWords* words, sched::M* m) noexcept {
  sched::shut_out_handlers(words, m);
  const uintptr_t before = kNested ? m->gate.own_anchor() : crossing::kIdleAnchor;
  // From here the runtime stays, if there is one, and with it the record that the anchor names.
  const uintptr_t matter = m->gate.come_back_or_not() | sched::in_flight(*m->eh);
  sched::G* g = m->call_greens;
  const uint64_t number = m->calls_in.load(std::memory_order_relaxed);
  bool may = matter == 0 && g != nullptr && number != m->id_limit;
  Place place;
  if constexpr (kNested) {
    if (may) [[likely]]
      place = place_of(m, before);
    may = may && !too_deep(m, place) && !(place.outer != nullptr && sched::skipped::left_behind(place.outer, sched::frame_here()));
  }
  if (!may) [[unlikely]] {
    sched::into_c(words, m, before);
    return nullptr;
  }
  begin(m, g, number);
  if constexpr (kNested) begin_nested(m, g, place, before);
  return g;
}

// The second half, when the target has returned. All is found from the G: a caller keeps nothing else over the call.
template <bool kNested>
CW_ALWAYS_INLINE uint64_t end_warm(sched::G* g, uint64_t result) {
  if (g->in.rare.load(std::memory_order_relaxed) != 0) [[unlikely]]
    return end_closely(g, kNested ? found_by(g) : crossing::kIdleAnchor, result);
  if constexpr (kNested) return end_nested(g->m, g, result);
  else return end(g->m, g, crossing::kIdleAnchor, result);
}

}  // namespace causeway::inbound
