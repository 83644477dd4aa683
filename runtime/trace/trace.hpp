// SPDX-License-Identifier: MIT
//
// trace: who called whom, by frame pointers, in a form that can be printed anywhere.
//
// Row 10. May include: rows 1 to 9. Other folders include this header only.
//
// The walker reads memory only inside bounds that the caller proves ([low, high) of a stack), each step strictly upwards, so that it ends and never
// faults, whatever the stack holds. Printing resolves an address to module and offset without the loader's lock.
// Everything here but install_fatal_hook() is reachable from signal handlers: no allocation, no locks, errno kept.
//
// A line:   `  #3 0x7f10a2b4c6d8 libhost.so+0x46d8`; for an address in no module `  #3 0x7f10a2b4c6d8 ?`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/trace/across.hpp"  // IWYU pragma: export
#include "runtime/trace/crash.hpp"   // IWYU pragma: export
#include "runtime/trace/dump.hpp"    // IWYU pragma: export
#include "runtime/trace/names.hpp"   // IWYU pragma: export

namespace causeway::trace {

inline constexpr size_t kMaxFrames = 64;

// Writes pc and the return addresses above it to out_pcs, innermost first, n at most. Answers how many: at least 1 when n > 0.
// A frame that is not inside [low, high) ends the walk.
//
// Needs:       [low, high) is readable and stays so; the walked thread does not run, or is the caller
// Signal-safe: yes
size_t walk(uintptr_t pc, uintptr_t fp, uintptr_t low, uintptr_t high, uintptr_t* out_pcs, size_t n) noexcept;

// Walks as walk() and prints each frame with base::raw_write. Answers how many lines.
// Blocks:      as raw_write does
// Signal-safe: yes
size_t print_frames(uintptr_t pc, uintptr_t fp, uintptr_t low, uintptr_t high, size_t max) noexcept;

// Makes base::fatal() print the culprit's frames, over all crossings.
//
// Reads the program's own name for its lines.    Signal-safe: no
void install_fatal_hook() noexcept;

// Gives the scheduler's reports (hogs, stalls, deadlocks) the names of functions: symbols.hpp.
//
// Signal-safe: no
void install_report_names() noexcept;

// Has option crash_reports do something: crash.hpp.
//
// Signal-safe: no
void register_crash_reports() noexcept;

}  // namespace causeway::trace
