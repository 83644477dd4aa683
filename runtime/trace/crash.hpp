// SPDX-License-Identifier: MIT
//
// Crash reports, option crash_reports: one page on stderr when the process is about to die of a signal, then whatever the program has arranged for it.
//
//   SIGSEGV, SIGBUS               the guard handler's (stack/overflow.hpp) tells of what no guard of ours explains
//   SIGFPE, SIGILL, SIGTRAP,      a handler of our own
//   SIGABRT
//
// Not SIGSYS: where a filter raises it, a handler that goes on is the rule, and a page for each would be wrong.
//
//   INV-CRASH1  One page for the process. A thread that crashes meanwhile waits for it, some seconds at most, and then dies on its own.
//   INV-CRASH2  A crash of the report itself ends the process at once: no second page, no handler of the host.
//   INV-CRASH3  After the page the host's disposition comes about as if we were not there (os::chain_previous): with the default one the faulting
//               instruction is run again, so a core shows it.
#pragma once

namespace causeway::trace {

// Reports of crashes are on.                                       Signal-safe: yes
bool crash_reports_on() noexcept;

// In a child of fork(): a page that another thread of the parent was writing, and handlers that were looking, are not this process's.
void forget_crash_in_child() noexcept;

}  // namespace causeway::trace
