// SPDX-License-Identifier: MIT
//
// The two moments in which a stack changes from ours to a green thread's and back.
//
// Used by Cache and Pool only.
#pragma once

#include <cstddef>

#include "runtime/base/base.hpp"
#include "runtime/stack/guard_maker.hpp"
#include "runtime/stack/slab.hpp"

#if CW_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace causeway::stack {

// Makes the Stack of a slot that a green thread is about to run on.
inline Stack hand_out(const SlabTable& slabs, std::byte* low, StackClass stack_class) noexcept {
  const Stack stack{low, low + slabs.stack_bytes(stack_class)};
#if CW_ASAN
  // Frames that were left without returning (an ended green thread's last ones) leave poisoned shadow behind.
  ASAN_UNPOISON_MEMORY_REGION(stack.low, stack.bytes());
#endif
  return stack;
}

[[noreturn]] void report_written_guard(const SlabTable& slabs, std::byte* low) noexcept;

// What must hold when a green thread's stack comes back: it is bound, and a watched guard below it was not written.
inline SlotRecord& take_back(const SlabTable& slabs, const GuardMaker& guards, std::byte* low) noexcept {
  SlotRecord& record = slabs.record_of(low);
  // relaxed: the slot is the caller's. Two threads that release one stack at the same moment are not always told apart.
  CW_CHECK(record.state.load(std::memory_order_relaxed) == SlotState::Bound, "a stack was released twice (INV-ST2)");
  if (guards.any_watched() && record.guard == GuardKind::Watch && !watched_range_untouched(low - slabs.guard_bytes(), slabs.guard_bytes()))
    report_written_guard(slabs, low);
  return record;
}

}  // namespace causeway::stack
