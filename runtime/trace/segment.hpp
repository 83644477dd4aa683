// SPDX-License-Identifier: MIT
//
// The printing walk over one stack, inside trace: print_frames() is one segment, a fatal report goes on over pivots.
// Reachable from signal handlers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace causeway::trace {

// Prints the frame at *pc and the ones above it that lie in [low, high); numbers them from `first`, up to `max` lines. Afterwards *fp is where
// the walk stopped: 0 at the first frame of a context, an address outside the bounds after a pivot.
// Answers how many lines.                                                                                 Signal-safe: yes
size_t print_segment(uintptr_t* pc, uintptr_t* fp, uintptr_t low, uintptr_t high, size_t first, size_t max) noexcept;

}  // namespace causeway::trace
