// SPDX-License-Identifier: MIT
#include "bridge/outbound/resumed.hpp"

namespace causeway::outbound {

namespace {

using sched::G;
using sched::green_of;
using sched::M;
namespace foreign = sched::foreign;

[[noreturn]] void frame_invalid(const G* g, uint64_t id, const char* why) noexcept {
  base::TextBuffer<512> text;
  text.append("exit of an outbound call: its frame is no longer valid: green thread ");
  text.append_dec(id).append(", saved sp 0x").append_hex(g->out.place()).append(", pc 0x").append_hex(g->out.pc);
  text.append(", bounds [0x").append_hex(reinterpret_cast<uintptr_t>(g->stack.low));
  text.append(", 0x").append_hex(reinterpret_cast<uintptr_t>(g->stack.high)).append("): ").append(why);
  base::fatal(base::FatalId::CallFrameInvalid, text.view());
}

[[noreturn]] void locked_moved(const G* g, const M* to, const char* why) noexcept {
  base::TextBuffer<512> text;
  text.append("green thread ");
  sched::append_identity(text, g);
  const M* from = g->m;
  const int then = from->tid.load(std::memory_order_relaxed);
  text.append(" called out on thread ").append_dec(static_cast<uint64_t>(then != 0 ? then : from->last_tid));
  text.append(" and was resumed on thread ").append_dec(static_cast<uint64_t>(to->tid.load(std::memory_order_relaxed)));
  text.append(": ").append(why);
  base::fatal(base::FatalId::LockedMoved, text.view());
}

bool is_live(const M* m, uintptr_t anchor) noexcept {
  if (anchor == crossing::kIdleAnchor) return m->foreign;
  if (anchor == 0) return false;
  const G* g = green_of(anchor);
  return g->m == m && g->out.in_c();
}

// By itself, or by one whose call out it came in below.
bool is_locked(const G* g) noexcept {
  for (; g != nullptr; g = sched::outer_of(g))
    if (g->lock_depth != 0) return true;
  return false;
}

M* bind_here() noexcept {
  M* m = nullptr;
  bool per_call = false;
  const cw_status status = foreign::borrow_m(&m, &per_call, foreign::Limited::No);
  CW_CHECK(status == CW_OK, "no memory to bind the thread on which a host resumed a call");
  return m;
}

// C code below g's call out has jumped over calls in below it, and has returned: they are over.
uintptr_t without_skipped(M* m, const G* g, uintptr_t anchor) noexcept {
  const G* inner = anchor == 0 ? m->current : anchor != crossing::kIdleAnchor ? sched::green_of(anchor) : nullptr;
  const G* each = inner;
  while (each != nullptr && each != g) each = sched::outer_of(each);
  if (each == nullptr) return anchor;  // beside, not below
  using sched::skipped::Why;
  if (anchor != 0) return sched::skipped::put_away(m, anchor, g->out.c_sp, g, Why::Return);
  uintptr_t left = 0;
  return sched::skipped::put_away_running(m, m->current, g->out.c_sp, g, Why::Return, &left) ? left : anchor;
}

}  // namespace

void resumed(G* g, uint64_t id, uintptr_t sp) noexcept {
  if (g->id != id || g->out.place() != sp) frame_invalid(g, id, "the call has ended before");
  M* here = foreign::bound_m(*os::thread_words());
  if (here == nullptr) here = bind_here();
  M* from = g->m;
  if (g->in.is(crossing::Inbound::kSkipped)) sched::skipped::come_back(here, g);
  // An anchor of a runtime that has stopped since names a record that is gone.
  uintptr_t anchor = here->foreign && here->inside() == 0 ? crossing::kIdleAnchor : here->gate.own_anchor();
  if (here == from) {
    const uintptr_t mine = reinterpret_cast<uintptr_t>(&g->out);
    if (anchor == mine) return;
    anchor = without_skipped(here, g, anchor);
    if (anchor == mine) return;
    if (!is_live(here, anchor)) {
      // Only a call that went on on another thread leaves such an anchor behind.
      const uint64_t left = here->left_for_another.load(std::memory_order_acquire);
      if (left == here->left_seen) frame_invalid(g, id, "a call in below it has not put back what it found");
      here->left_seen = left;
    }
  } else {
    if (!g->in.active) locked_moved(g, here, "the stack is the runtime's own, and stays on its thread");
    if (is_locked(g)) locked_moved(g, here, "it is locked to its thread; unlock it, or resume it where it was");
    sched::take_over(*from, *here);
    g->m = here;
    const uintptr_t c_sp = arch::pivot_caller_low(g->in.high);
    static_cast<void>(sched::update_system_stack(here, c_sp, anchor));
  }
  // What is put back when its call in ends is what runs on this thread beside it.
  const bool live = is_live(here, anchor);
  g->in.before = live || here->base == nullptr ? (live ? anchor : crossing::kIdleAnchor) : reinterpret_cast<uintptr_t>(&here->base->out);
  g->in.set(crossing::Inbound::kMoved);
}

}  // namespace causeway::outbound
