// SPDX-License-Identifier: MIT
//
// walk_frames() is reached from the handler in hog.cc.
#include "runtime/sched/frames.hpp"

#include <atomic>

#include "arch/arch.hpp"
#include "runtime/sched/green.hpp"

namespace causeway::sched {

namespace {

// release/acquire: the function's own tables are set up before it is seen.
std::atomic<NameFrames> name_slot{nullptr};

}  // namespace

void walk_frames(uintptr_t pc, uintptr_t fp, uintptr_t low, uintptr_t high, Frames* to) noexcept {
  to->n = 0;
  to->exact = pc != 0;
  if (pc != 0) to->pc[to->n++] = pc;
  while (to->n < Frames::kMost && arch::step_frame(low, high, &fp, &pc)) to->pc[to->n++] = pc;
}

void own_frames(const G* g, Frames* to) noexcept {
  const auto fp = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  walk_frames(0, fp, reinterpret_cast<uintptr_t>(g->stack.low), reinterpret_cast<uintptr_t>(g->stack.high), to);
}

void parked_frames(const G* g, Frames* to) noexcept {
  const void* sp = read_racy(g->sp);
  const auto low = reinterpret_cast<uintptr_t>(read_racy(g->stack.low)), high = reinterpret_cast<uintptr_t>(read_racy(g->stack.high));
  const auto at = reinterpret_cast<uintptr_t>(sp);
  to->n = 0;
  if (at < low || at >= high || high - at < arch::kSwitchFrameBytes) return;
  const arch::FramePlace place = arch::saved_frame(sp);
  walk_frames(place.pc, place.fp, at, high, to);
  to->exact = false;  // what a suspended context goes on with is an address to return to
}

void set_name_frames(NameFrames name) noexcept { name_slot.store(name, std::memory_order_release); }

uintptr_t name_frames(const Frames& frames, PlaceText& text) noexcept {
  if (const NameFrames name = name_slot.load(std::memory_order_acquire)) return name(frames, text);
  for (uint32_t i = 0; i < frames.n; ++i) text.append(i == 0 ? "0x" : " < 0x").append_hex(frames.pc[i]);
  return 0;
}

}  // namespace causeway::sched
