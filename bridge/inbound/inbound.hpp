// SPDX-License-Identifier: MIT
//
// Row 12: calls from C to green threads. May include rows 1 to 11, not bridge/outbound.
//
// One call in, step by step; docs/design/calls.md has the drawing of the stacks.
//
//   1. The thread's words. The M that it is bound to, or borrow_m(); nothing of ours runs on it now (else see 1b).          C stack
//   2. sp in the bounds in use, or update_system_stack().
//   3. come_back(): anchor = 0, poll. Not 0: admit() or come_back_slow().
//   4. Below a call out (the anchor said so): place_of(), too_deep(): whose, how deep, what of the C stack is left.
//   5. A green thread of its own from the M's list. The host's C++ exception globals are saved in it if there are any.
//   6. The pivot to its stack; target(a, b, c).                                                                  user stack
//      What it waits for puts the thread to sleep in place (sched/in_place.hpp); what it calls runs on the C stack below (1).
//   7. Back: the same M, or the one that took the call over (bridge/outbound). The green thread goes to its list; the host's     C stack
//      exception globals and the anchor are put back, the anchor last: nothing after it touches the G, its stack or a P.
//
// begin_warm(), run() and end_warm() are all of that for a call with nothing the matter, inline; enter() is any call.
//
//   1b. Managed code runs on this thread: on its own stack it is a plain call; inside a leaf call it stops the process; in a signal handler
//       elsewhere it is CW_E_ASYNC.
//
//   INV-IN1  What a call out saved (its G's Outbound) is not touched by calls in below it, and the anchor that they found is put back on every
//            way out. The call out checks that (call-frame-invalid).
//   INV-IN2  Crossing records live in the G; the frame of enter() holds nothing that anybody needs who is not in it.
#pragma once

#include "bridge/inbound/enter.hpp"  // IWYU pragma: export
#include "causeway/abi.h"

namespace causeway::inbound {

// Binds the calling thread, counted; and the other way round. See cw_thread_attach().
cw_status attach() noexcept;
cw_status detach() noexcept;

// Calls in that C code has jumped out of, to the frame whose sp this is or further out, are over from here (runtime/sched/skipped.hpp). By each
// C function that asks what is in progress on its own thread, with the sp of the frame that the user called.
//
// Stack:       any; on a green thread's own, and in a leaf, it does nothing
// Blocks:      while the world is stopped
// Signal-safe: no
void see_jumps(uintptr_t sp) noexcept;

}  // namespace causeway::inbound
