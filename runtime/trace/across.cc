// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers: reads, and writes into the caller's list.
#include "runtime/trace/across.hpp"

#include "arch/arch.hpp"

namespace causeway::trace {

namespace {

using sched::G;
using sched::M;

uintptr_t low_of(const G* g) noexcept { return reinterpret_cast<uintptr_t>(g->stack.low); }
uintptr_t high_of(const G* g) noexcept { return reinterpret_cast<uintptr_t>(g->stack.high); }
bool within(const G* g, uintptr_t at) noexcept { return at - low_of(g) < high_of(g) - low_of(g); }

class Walk {
 public:
  Walk(Steps* to, const WalkOptions& options) noexcept
      : to_(to), memory_(options.trust), cache_(options.cache), above_us_(options.above_us) {}

  // From a place on g's stack outwards.
  void managed(const G* g, Cursor at) noexcept {
    for (;;) {
      check_not_own(g);
      const bool arrived = frames_of(g, &at);
      if (to_->cut || !g->in.active) return;
      add(Step::CallIn, g->id);
      if (!arrived) at = pivoted_from(g, reinterpret_cast<uintptr_t>(g->in.high), at.fp != 0 && !within(g, at.fp) ? at.fp : 0);
      const G* caller = caller_of(g);
      c_frames(g->m, &at, caller, caller != nullptr ? uintptr_t{caller->out.c_sp} : 0);
      if (to_->cut || caller == nullptr) return;
      at = call_out_of(caller);
      g = caller;
    }
  }

  // C code on m's thread, below a call out of `caller`.
  void below_call(const M* m, Cursor at, const G* caller) noexcept {
    c_frames(m, &at, caller, caller->out.c_sp);
    if (!to_->cut) managed(caller, call_out_of(caller));
  }

  // C code that goes on: only what is below its call out is known.
  void in_c(const G* g) noexcept {
    // It sleeps in one of our waits, with C frames below: no C code.
    const bool asleep = g->out.c_sp == 0;
    if (!asleep) add(Step::Unknown, 0, Step::C);
    managed(g, asleep ? frame_of_call(g) : call_out_of(g));
  }

  // A leaf call of g, on the C stack: no record, but the pivot to it is there.
  void in_leaf(const M* m, const G* g, Cursor at) noexcept {
    const uintptr_t high = sched::c_stack_high(m, g);
    c_frames(m, &at, g, high - 1);
    add(Step::CallOut, reinterpret_cast<uintptr_t>(m->leaf), Step::C);
    if (!to_->cut) managed(g, within(g, at.sp) ? at : pivoted_from(g, high, within(g, at.fp) ? at.fp : 0));
  }

  // A handler on top of m's thread, which may have interrupted managed code of g.
  void on_top(const M* m, Cursor at, const G* g) noexcept {
    c_frames(m, &at, g, 0);
    if (!to_->cut && g != nullptr && within(g, at.sp)) managed(g, at);
  }

  Memory& memory() noexcept { return memory_; }
  void add(Step::Kind kind, uintptr_t value, Step::Code code = Step::Managed) noexcept { to_->add({value, kind, code, false}); }

 private:
  void check_not_own(const G* g) const noexcept {
    if (above_us_ || !within(g, reinterpret_cast<uintptr_t>(__builtin_frame_address(0)))) return;
    base::TextBuffer<128> text;
    text.append("a traceback of green thread ").append_dec(g->id).append(" on its own stack; it must be made on another one");
    base::fatal(base::FatalId::TracebackOwnStack, text.view());
  }

  void add_frame(const Cursor& at, Step::Code code) noexcept {
    if (at.pc != 0) to_->add({at.pc, Step::Frame, code, at.exact});
  }

  // The frames of g's own stack. True: *at is where the pivot to it returns, on a C stack.
  bool frames_of(const G* g, Cursor* at) noexcept {
    memory_.prove(Memory::Green, low_of(g), high_of(g));
    while (!to_->cut) {
      add_frame(*at, Step::Managed);
      // A frame pointer that points elsewhere is the one of the pivot's caller.
      if (at->sp == 0 && at->fp != 0 && !within(g, at->fp)) return false;
      const uintptr_t before = at->sp;
      const Stepped stepped = step(at, memory_, cache_);
      if (stepped == Stepped::End) return false;
      if (stepped == Stepped::Lost) {
        if (arch::kUnwindsOverPivot) add(Step::Unknown, 0);  // else it is how the first frame of a context looks
        return false;
      }
      if (at->sp != 0 && !within(g, at->sp)) return true;
      if (at->sp != 0 && at->sp < before) {  // only a chain of frames that is none
        add(Step::Unknown, 0);
        return false;
      }
    }
    return false;
  }

  // The frames of C code, up to c_sp, or on to the stack of `caller`, or as far as they go. *at is where it ended.
  void c_frames(const M* m, Cursor* at, const G* caller, uintptr_t c_sp) noexcept {
    prove_c(m, at->sp != 0 ? at->sp : at->fp);
    bool lost = false;
    while (!to_->cut && !lost) {
      if (caller != nullptr && within(caller, at->sp != 0 ? at->sp : at->fp)) return;
      if (c_sp != 0 && at->sp > c_sp && at->sp - c_sp < kNear) return;
      add_frame(*at, Step::C);
      const uintptr_t before = at->sp;
      const Stepped stepped = step(at, memory_, cache_);
      if (stepped == Stepped::End && c_sp == 0) return;
      // A signal's handler may lie on any stack; C code in between does not go down.
      lost = stepped != Stepped::Done || (at->sp != 0 && at->sp < before && !at->exact && (caller == nullptr || !within(caller, at->sp)));
    }
    if (lost && arch::kUnwindsOverPivot) add(Step::Unknown, 0, Step::C);
  }
  static constexpr uintptr_t kNear = 16 << 20;  // no C stack is larger; a host that has changed stacks comes out elsewhere

  void prove_c(const M* m, uintptr_t from) noexcept {
    uintptr_t low = 0, high = 0;
    const auto holds = [&](uintptr_t range_low, uintptr_t range_high) {
      if (from < range_low || from >= range_high) return false;
      low = from;
      high = range_high;
      return true;
    };
    // An orphan's thread is gone, and its stack may be.
    if (m != nullptr && !m->orphan.load(std::memory_order_relaxed) && !holds(m->stack_low, m->stack_high))
      holds(m->stacks.thread_low.load(std::memory_order_relaxed), m->stacks.thread_high.load(std::memory_order_relaxed));
    memory_.prove(Memory::Host, low, high);
  }

  // Below whose call out g came in, if that goes on.
  static const G* caller_of(const G* g) noexcept {
    const G* outer = sched::outer_of(g);
    return outer != nullptr && outer->out.in_c() ? outer : nullptr;
  }

  // Where the pivot to the stack that ends at `high` returns, for one that g made or was entered by.
  Cursor pivoted_from(const G* g, uintptr_t high, uintptr_t fp) noexcept {
    memory_.prove(Memory::Green, low_of(g), high_of(g));
    const Cursor unknown{0, 0, fp, 0, false};
    uintptr_t sp = 0, pc = 0;
    // arch::pivot_caller() reads the topmost words there: not before it is known that they can be read.
    const uintptr_t slot = (high & ~uintptr_t{arch::kStackAlignment - 1}) - 2 * sizeof(uintptr_t);
    if (!within(g, slot)) prove_c(g->m, slot);
    if (!memory_.word(slot, &sp)) return unknown;
    if (within(g, slot)) prove_c(g->m, sp);
    const arch::PivotCaller caller = arch::pivot_caller(reinterpret_cast<const void*>(high));
    if (caller.pc_at == 0 || !memory_.word(caller.pc_at, &pc) || pc == 0) return unknown;
    pc = arch::plain_address(pc);
    return Cursor{pc, caller.sp, arch::in_outer_pivot(pc) ? caller.sp : fp, 0, false};
  }

  // Where g called out: the frame of the call itself, or, if its pivot cannot be read, its caller's.
  Cursor frame_of_call(const G* g) noexcept {
    const uintptr_t frame = g->out.place(), c_sp = g->out.c_sp;
    if (c_sp != 0) {
      const Cursor at = pivoted_from(g, c_sp + 1, frame);
      if (at.pc != 0 && within(g, at.sp) && at.sp <= frame) return at;
    }
    memory_.prove(Memory::Green, low_of(g), high_of(g));
    uintptr_t fp = 0;
    if (!memory_.word(frame, &fp)) return Cursor{};
    return Cursor{g->out.pc, arch::kRecordEndsFrame ? frame + 2 * sizeof(uintptr_t) : 0, fp, 0, false};
  }
  Cursor call_out_of(const G* g) noexcept {
    add(Step::CallOut, reinterpret_cast<uintptr_t>(g->out.function), Step::C);
    return frame_of_call(g);
  }

  Steps* to_;
  Memory memory_;
  RuleCache* cache_;
  const bool above_us_;
};

Cursor halted_at(const M* m) noexcept { return Cursor{m->halt.pc, m->halt.sp, m->halt.fp, m->halt.link, true}; }

}  // namespace

Cursor cursor_of(const os::ContextRegisters& at) noexcept { return Cursor{at.pc, at.sp, at.fp, at.link, true}; }

const M* m_here() noexcept {
  const M* m = static_cast<const M*>(os::this_m());
  return m != nullptr ? m : sched::foreign::bound_m(*os::thread_words());
}

void walk_green(const G* g, Steps* to, const WalkOptions& options) noexcept {
  const RacyReads racy(options.trust);
  Walk walk(to, options);
  const M* m = g->m;
  // The gate before `current`, which an M writes that comes back from C or is in its loop.
  const auto where = m != nullptr ? m->gate.where() : crossing::Where::Loop;
  if (where != crossing::Where::Loop && m->gate.own_anchor() == 0 && m->current == g) {
    if (where != crossing::Where::Halted) {  // it runs
      walk.add(Step::Unknown, 0);
      return;
    }
    walk.memory().prove(Memory::Green, low_of(g), high_of(g));
    const Cursor at = halted_at(m);
    if (within(g, m->halt.sp)) walk.managed(g, at);
    else if (m->leaf != nullptr) walk.in_leaf(m, g, at);
    return;  // else it has not run yet: its M waits for a processor for it
  }
  if (g->out.in_c()) {
    walk.in_c(g);
    return;
  }
  const void* sp = g->sp;
  if (sp == nullptr || !within(g, reinterpret_cast<uintptr_t>(sp))) return;
  const arch::FramePlace place = arch::saved_frame(sp);
  walk.managed(g,
               Cursor{place.pc, arch::kSwitchSpKnown ? reinterpret_cast<uintptr_t>(sp) + arch::kSwitchFrameBytes : 0, place.fp, 0, false});
}

void walk_thread(const M* m, const Cursor& from, Steps* to, const WalkOptions& options) noexcept {
  Walk walk(to, options);
  const uintptr_t anchor = m != nullptr ? m->gate.own_anchor() : crossing::kIdleAnchor;
  if (anchor > crossing::kIdleAnchor) {
    const G* caller = sched::green_of(anchor);
    if (within(caller, from.sp)) walk.managed(caller, from);  // on the way out or back
    else if (caller->out.c_sp != 0) walk.below_call(m, from, caller);
    else walk.on_top(m, from, caller);
    return;
  }
  const G* g = anchor == 0 && m->current != nullptr && !m->current->is_system && m->current->stack.high != nullptr ? m->current : nullptr;
  if (g != nullptr && within(g, from.sp)) walk.managed(g, from);
  else if (g != nullptr && m->leaf != nullptr) walk.in_leaf(m, g, from);
  else walk.on_top(m, from, g);
}

}  // namespace causeway::trace
