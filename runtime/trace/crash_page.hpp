// SPDX-License-Identifier: MIT
//
// What a crash report says beside the frames. Reachable from signal handlers. docs/design/crash-reports.md has a page as it is printed.
#pragma once

#include <signal.h>

#include "runtime/trace/crash_place.hpp"

namespace causeway::trace {

// `causeway: crash: SIGSEGV ...`: the signal, its cause, and what lies at the address.
void print_what(int signal, const siginfo_t* info, const CrashPlace& place) noexcept;
// In which code, on which thread, for which green thread.
void print_where(const CrashPlace& place) noexcept;
// The stacks' bounds and how much of them is in use, and the system stack's frames below a green thread.
void print_stacks(const CrashPlace& place) noexcept;
// None but pc, sp and fp in an AT_SECURE process.
void print_registers(const void* context) noexcept;

// `SIGSEGV`.
const char* signal_name(int signal) noexcept;

}  // namespace causeway::trace
