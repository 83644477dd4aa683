// SPDX-License-Identifier: MIT
//
// Row 12: calls from green threads to C. May include rows 1 to 11, not bridge/inbound.
//
// One call out, step by step; docs/design/calls.md has the drawing of the stacks.
//
//   1. The thread's M, and the green thread that runs. None: a plain call.                                      user stack
//   2. Its Outbound: sp, bounds, pc, function (INV-CR1). Its C++ exception globals, if there are any, give way to the host's.
//   3. The anchor is stored: from here others may take the P, if the call lasts (quick), or we have given it up (blocking).
//   4. The pivot to the C stack: a worker's own, below its loop; for a green thread that runs a call in, the one that it came on,  C stack
//      below that call. body(frame).
//   5. Back: is this still the thread and the innermost call out? If not, resumed() takes the call over or stops the process.  user stack
//   6. come_back(): anchor = 0, poll. Not 0: come_back_slow(), perhaps on another M for a green thread without C frames below it.
//
// call_quick() is all of that for a quick call with nothing the matter, inline; call() is any call.
//
// A leaf call stores its function in the M, calls, and clears it: no anchor, so nobody takes the P. On the green stack if 32 KiB are left
// of it, else on the C stack.
#pragma once

#include "bridge/outbound/call.hpp"       // IWYU pragma: export
#include "bridge/outbound/function.hpp"   // IWYU pragma: export
#include "bridge/outbound/signature.hpp"  // IWYU pragma: export
#include "causeway/abi.h"

namespace causeway::outbound {

// A leaf call on the green stack, without a thunk: the word that is cleared after it; null if it is to be made by call().
const void** leaf_begin(const void* function) noexcept;

}  // namespace causeway::outbound
