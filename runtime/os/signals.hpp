// SPDX-License-Identifier: MIT
//
// Signal handlers beside a host's: ours act on what is ours and hand everything else on, with the host's own semantics.
//
// The host's action is read and kept, never changed: no flag is added to it. What happens when the order is not stack-like:
//
//   INV-SIG1  remove_handler() takes ours away only while it is the installed one. If the host has put another one on top, ours stays below it
//             as a link that only hands on, until the next install_handler().
//   INV-SIG2  The action that ours hands on to is kept for the life of the process, and is never our own handler.
#pragma once

#include <signal.h>

#include "runtime/base/base.hpp"

namespace causeway::os {

using SignalHandler = void (*)(int signal, siginfo_t* info, void* context);

// Installs `handler` (with SA_SIGINFO and the given flags, such as SA_ONSTACK) and keeps what was there. Twice with the same handler: does
// nothing. CW_E_INVALID (no such signal), CW_E_BUSY (another handler of ours is there), CW_E_SYSTEM.
// Needs: the runtime's start and stop do not run at the same time
base::Result<void> install_handler(int signal, SignalHandler handler, int flags) noexcept;

// Puts the host's action back. False: the host has put another handler on top; ours stays and hands on (INV-SIG1).
bool remove_handler(int signal) noexcept;

// True between install_handler() and remove_handler(). A handler that finds false hands on at once.       Signal-safe: yes
bool handler_active(int signal) noexcept;

// Runs the host's disposition as the kernel would have done:
//   a handler      with its mask, SA_SIGINFO or not, SA_RESETHAND, SA_NODEFER; on the stack that ours runs on: a handler without SA_ONSTACK
//                  finds itself on the alternate stack. (To go back to the interrupted stack would leave the frame that the kernel made open
//                  to be overwritten by the next signal.)
//   SIG_DFL        set as the signal's action, so that the fault repeats, or the sent signal arrives again, when ours returns
//   SIG_IGN        returns, but for a fault of the thread itself, which the kernel does not let anybody ignore: as SIG_DFL
// May not return: a handler may longjmp.
//
// Needs:       called by the handler that install_handler() installed
// Signal-safe: yes
// Not noexcept: a handler of the host may throw out of a fault (-fnon-call-exceptions).
void chain_previous(int signal, siginfo_t* info, void* context);

// SIG_DFL of these, whatever the host's disposition is.                                                 Signal-safe: yes
void end_by_default(int signal, const siginfo_t* info) noexcept;

// A signal that tells of a fault of the thread itself, as opposed to one that was sent.                 Signal-safe: yes
bool is_own_fault(int signal, const siginfo_t* info) noexcept;

}  // namespace causeway::os
