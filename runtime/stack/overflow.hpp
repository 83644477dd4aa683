// SPDX-License-Identifier: MIT
//
// The report when a green thread runs into the guard below its stack: `causeway: fatal: stack-overflow: ...`, with the thread's name.
//
// The handler for SIGSEGV and SIGBUS acts only on addresses in guards of our slabs and hands everything else to what was installed
// before it, with that one's own semantics. It runs on the alternate stack: the green stack has no room left.
//
// Everything here that the handler reaches is signal-safe: no allocation, no lock, fixed buffers.
#pragma once

#include <signal.h>

#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/stack/pool.hpp"
#include "runtime/stack/stack_class.hpp"

namespace causeway::stack {

struct GuardHit {
  bool hit = false;
  uintptr_t address = 0;
  uintptr_t sp = 0;  // of the interrupted code; 0 if it is not known
  StackClass stack_class = StackClass::k64K;
  Stack stack;  // the one above the guard
  uintptr_t guard_low = 0;
};

using OwnerText = base::TextBuffer<192>;
using OverflowText = base::TextBuffer<512>;

// Appends who owns hit.stack, as in `17 "reader"`. Runs in the handler: signal-safe, and the owner may be half-way through ending.
using DescribeOwner = void (*)(const GuardHit& hit, OwnerText& text) noexcept;

// Signal-safe: yes.
GuardHit lookup_guard(const Pool& pool, uintptr_t address) noexcept;
// The text of the report, without the `causeway: fatal: stack-overflow: ` before it. `owner` may be null. Signal-safe: yes.
void describe_guard_hit(const GuardHit& hit, DescribeOwner owner, OverflowText& text) noexcept;

// Is `address` in the guard below a system stack of ours? Then *text says whose, without the `causeway: fatal: system-stack-overflow: ` before it.
// Runs in the handler: signal-safe.
using DescribeSystemStack = bool (*)(uintptr_t address, OverflowText& text) noexcept;

// What is told of a fault that no guard of ours explains, before it goes to the host's disposition. Null: nobody. One at a time; the same handler
// is installed for it if the guards have not done that. Must be signal-safe, and returns: true, the fault goes on; false, it has been seen to.
using FaultReport = bool (*)(int signal, siginfo_t* info, void* context) noexcept;
base::Result<void> install_fault_report(FaultReport report) noexcept;
// Waits for one that is under way.
void uninstall_fault_report() noexcept;

// Installs the handler for SIGSEGV and SIGBUS (SA_ONSTACK | SA_SIGINFO) on behalf of `pool`. One pool at a time.
// Needs: each thread that runs green code has an alternate stack. Errors: CW_E_BUSY (another pool has it), or sigaction's.
base::Result<void> install_guard_handler(Pool& pool, DescribeOwner owner, DescribeSystemStack system_stack = nullptr) noexcept;
// Puts back what was there before, unless somebody has installed another handler since: then ours stays and passes everything on.
// Waits for a handler that is looking at the pool at this moment. Pairs with install_guard_handler().
void uninstall_guard_handler() noexcept;
// In a child of fork(): no handler is at work, whatever other threads of the parent were doing.
void forget_fault_handlers() noexcept;

}  // namespace causeway::stack
