// SPDX-License-Identifier: MIT
//
// interrupted_frames() is reached from the handler in hog.cc.
#include "runtime/sched/frames.hpp"

#include <atomic>

#include "arch/arch.hpp"
#include "runtime/sched/foreign.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/system_stack.hpp"

namespace causeway::sched {

namespace {

// release/acquire: the function's own tables are set up before it is seen.
std::atomic<NameFrames> name_slot{nullptr};
std::atomic<const FrameWalkers*> walkers_slot{nullptr};

const FrameWalkers* walkers() noexcept { return walkers_slot.load(std::memory_order_acquire); }

// From {pc, fp} inside [low, high) by frame pointers; pc 0: the first address is the one that the record at fp holds.
void walk_frames(uintptr_t pc, uintptr_t fp, uintptr_t low, uintptr_t high, Frames* to) noexcept {
  *to = Frames{};
  to->exact = pc != 0;
  if (pc != 0) to->pc[to->n++] = pc;
  while (to->n < Frames::kMost && arch::step_frame(low, high, &fp, &pc)) to->pc[to->n++] = pc;
}

struct OwnWalk {
  const FrameWalkers* by;
  const M* m;
  os::ContextRegisters at;
  Frames* to;
  static void run(void* self) noexcept {
    const auto* me = static_cast<const OwnWalk*>(self);
    me->by->thread(me->m, me->at, false, me->to);
  }
};

// The registers of its caller, as a place to return to.
CW_ALWAYS_INLINE os::ContextRegisters registers_here() noexcept {
  arch::Registers here;
  cw_arch_capture(&here);
  os::ContextRegisters at;
  at.pc = here.pc;
  at.sp = here.sp;
  at.fp = here.fp;
  return at;
}

}  // namespace

void interrupted_frames(const M* m, const os::ContextRegisters& at, Frames* to) noexcept {
  to->n = 0;
  const G* g = m->current;
  const auto low = reinterpret_cast<uintptr_t>(g->stack.low), high = reinterpret_cast<uintptr_t>(g->stack.high);
  if ((at.sp < low || at.sp >= high) && m->leaf == nullptr) return;
  if (const FrameWalkers* by = walkers()) by->thread(m, at, true, to);
  else if (at.sp >= low && at.sp < high) walk_frames(at.pc, at.fp, at.sp, high, to);
}

void own_frames(const G* g, Frames* to) noexcept {
  to->n = 0;
  // On the C stack, at the end of a call in: the walk there would run over us.
  const auto sp = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  if (sp < reinterpret_cast<uintptr_t>(g->stack.low) || sp >= reinterpret_cast<uintptr_t>(g->stack.high)) return;
  if (const FrameWalkers* by = walkers()) {
    OwnWalk walk{by, g->m, registers_here(), to};
    crossing::pivot_bare(CW_ASAN ? c_stack_low(g->m, g) : 0, reinterpret_cast<void*>(c_stack_high(g->m, g)), &OwnWalk::run, &walk);
    return;
  }
  const auto fp = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  walk_frames(0, fp, reinterpret_cast<uintptr_t>(g->stack.low), reinterpret_cast<uintptr_t>(g->stack.high), to);
}

void thread_frames(Frames* to) noexcept {
  to->n = 0;
  // Asleep in place, on a green thread's stack: that one is reported by its own name.
  const M* m = foreign::bound_m(*os::thread_words());
  const uintptr_t anchor = m != nullptr ? m->gate.own_anchor() : 0;
  if (anchor > crossing::kIdleAnchor) {
    const stack::Stack& stack = green_of(anchor)->stack;
    const auto here = static_cast<std::byte*>(__builtin_frame_address(0));
    if (here >= stack.low && here < stack.high) return;
  }
  if (const FrameWalkers* by = walkers()) {
    by->thread(m, registers_here(), false, to);
    return;
  }
  const auto fp = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  uintptr_t low = 0, high = 0;
  if (os::thread_stack_bounds(&low, &high)) walk_frames(0, fp, fp, high, to);
}

void parked_frames(const G* g, Frames* to) noexcept {
  to->n = 0;
  if (const FrameWalkers* by = walkers()) {
    by->green(g, to);
    return;
  }
  const void* sp = read_racy(g->sp);
  const auto low = reinterpret_cast<uintptr_t>(read_racy(g->stack.low)), high = reinterpret_cast<uintptr_t>(read_racy(g->stack.high));
  const auto at = reinterpret_cast<uintptr_t>(sp);
  to->n = 0;
  if (at < low || at >= high || high - at < arch::kSwitchFrameBytes) return;
  const arch::FramePlace place = arch::saved_frame(sp);
  walk_frames(place.pc, place.fp, at, high, to);
  to->exact = false;  // what a suspended context goes on with is an address to return to
}

void set_frame_walkers(const FrameWalkers* by) noexcept { walkers_slot.store(by, std::memory_order_release); }

void set_name_frames(NameFrames name) noexcept { name_slot.store(name, std::memory_order_release); }

uintptr_t name_frames(const Frames& frames, PlaceText& text) noexcept {
  if (const NameFrames name = name_slot.load(std::memory_order_acquire)) return name(frames, text);
  for (uint32_t i = 0; i < frames.n; ++i) text.append(i == 0 ? "0x" : " < 0x").append_hex(frames.pc[i]);
  return 0;
}

}  // namespace causeway::sched
