// SPDX-License-Identifier: MIT
//
// What a child of fork() finds, and how it starts anew. The child has one thread, the one that forked; who else ran green threads is gone.
//
//   parent: Running, Stopping or Starting
//     fork() ──► child: Forked ──restart_in_child()──► Off ──start()──► ...
//
// Forked: whatever would need the runtime answers CW_E_FORKED at once. The gates say kSlow, so that a warm call in or out pays nothing for it.
// Off at the fork: the child finds a process that has no runtime, as the parent did.
//
// The thread that forked may be below green threads: in C code that one has called, or in its own code (which forked without a call out). The first
// may go on, also after a restart, but not return; the second may exec or _exit, and a call in of a host's thread may return to C. Who
// would run on as a green thread ends the child with status 70 and a line.
//
//   INV-FK1  M::lost is set by the child's handler, on the M of the forking thread if green threads are below or it is a worker's. Such an M is used
//            by nobody else, and its thread gets another one after a restart.
//   INV-FK2  What a lost M leads to stays: its stack, its records (Arena::lost()), the scheduler's Ps. It is address space; its pages are
//            shared with the parent until one of the two writes.
//
// The child's handler takes no lock, allocates nothing and says nothing. What it must set right lies in static storage, and was brought to rest
// before the fork (base/static_lock.hpp).
#pragma once

#include "runtime/sched/lifecycle.hpp"
#include "runtime/sched/machine.hpp"

namespace causeway::sched {

inline constexpr const char* kForkedText =
    "this is a child of fork(), and the runtime was its parent's; call cw_runtime_restart_in_child first, or exec";

// In the child, before fork() returns there. Needs: the static locks are free.
// Signal-safe: as far as it is ours
void forked_child() noexcept;

// Forgets the parent's runtime. CW_OK if there was none when it forked; CW_E_STATE: a runtime of this process is there, or the caller is a
// green thread of the parent's.
cw_status restart_in_child(LeftText* why) noexcept;

// The caller is a green thread of the parent's.
bool on_lost_green() noexcept;

// One line, and the end of the process with status 70. Stack: any. Signal-safe: yes
[[noreturn]] void child_returned_into_green() noexcept;

// --- what others forget ---
// lifecycle.cc: the scheduler and its references. Needs: Process::lifecycle
void forget_scheduler() noexcept;
// halt.cc: nobody stops the world any more.
void forget_stops() noexcept;
// blocked_threads.cc: nobody sleeps.
void forget_blocked_threads() noexcept;
// own_signal.cc: nothing was sent to anybody; the host's handler is back.
void forget_own_signal() noexcept;
// monitor.cc
void forget_monitor() noexcept;
namespace foreign {
// Nobody comes in before a start; who is inside is lost. In the child's handler
void shut_in_child(bool shut) noexcept;
// No thread but the caller is bound.
void forget_threads() noexcept;
}  // namespace foreign

}  // namespace causeway::sched
