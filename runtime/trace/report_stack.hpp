// SPDX-License-Identifier: MIT
//
// The stack that reports are made on: who crashes may have a few hundred bytes left, or an alternate stack of the host's that is as small as the
// kernel allows. One for the process, in static storage: what is not touched costs nothing, and reports come one at a time.
#pragma once

namespace causeway::trace {

// Runs fn(argument) there. False: nothing was done, for a report is under way there already, perhaps below the caller.
//
// Signal-safe: yes
bool run_on_report_stack(void (*fn)(void*) noexcept, void* argument) noexcept;

// In a child of fork(), off that stack: who was on it is not in this process.
void forget_report_stack_in_child() noexcept;

}  // namespace causeway::trace
