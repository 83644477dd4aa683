// SPDX-License-Identifier: MIT
//
// The frames of a report, innermost first, over all crossings of the calling thread: green, C, green, C. Reachable from signal handlers.
//
// across.hpp finds them. Endless recursion would fill the list; then it is continued at the next crossing, by its record.
#pragma once

#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/trace/crash_place.hpp"

namespace causeway::trace {

using Line = base::TextBuffer<640>;

// Appends `0x7f10a2b4c6d8 libhost.so+0x46d8 the_function+0x18`, less what is not known. An address to return to is looked up one byte before.
void append_code(Line& line, uintptr_t pc, bool exact) noexcept;

// The frames at `place` and below it, in static memory: for one report at a time. `context`: the interrupted registers, null if it is a call.
Steps walk_place(const CrashPlace& place, const void* context) noexcept;
// Is the first of them that of a signal handler, or of what one called?
bool is_in_handler(const Steps& steps) noexcept;
// Prints them, and what is beyond the list.
void print_steps(const Steps& steps, const CrashPlace& place) noexcept;

}  // namespace causeway::trace
