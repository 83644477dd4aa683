// SPDX-License-Identifier: MIT
//
// Calls in that a longjmp has skipped: C code below a callback, or the callback itself, jumps to a frame of C further out, over our frames (Lua's errors).
//
// Nobody tells us. It is seen at the next event on the thread: a call in, or a function that asks what is in progress (inbound::see_jumps()), comes from
// C code above the place where the call out below it began, or a call out further out returns, or the thread ends. It counts only on one stack that is
// proven to be one (the thread's own, or declared): elsewhere the call may be suspended, not skipped.
//
//   INV-SK1  A skipped green thread is over for stop(), for whoever closes its callback, and for the anchor. Its record and stack stay as they are in
//            the M's list of skipped ones, the last kKept; what is older is used again.
//   INV-SK2  A host that copies its stacks looks the same, whatever has returned meanwhile. One that comes back to a skipped call on its thread has it
//            back; on another thread it stops the process (retired-resumed): that list is not this thread's.
#pragma once

#include <cstdint>

#include "runtime/sched/machine.hpp"

namespace causeway::sched::skipped {

inline constexpr uint32_t kKept = 128;

enum class Why : uint8_t { CallIn, Return, ThreadEnd };

// Has C code at sp, on m's thread now, left the call out of g behind?
CW_ALWAYS_INLINE bool left_behind(const G* g, uintptr_t sp) noexcept { return sp > g->out.c_sp; }

// Puts away each call in that C code at sp has left behind, from the one that the anchor names outwards, and not `until` nor beyond (null: none);
// the anchor of what is left. Needs: inside, the thread is m's
uintptr_t put_away(M* m, uintptr_t anchor, uintptr_t sp, const G* until, Why why) noexcept;
// The same, beginning with g, which runs: managed code jumped. True: sp has left it behind, *anchor is what is left.
bool put_away_running(M* m, G* g, uintptr_t sp, const G* until, Why why, uintptr_t* anchor) noexcept;
// The thread ends: whatever was on its own stack is over.
void put_away_all(M* m) noexcept;

// g is skipped, and its call out has returned after all, on m's thread: has it back, or stops the process.
void come_back(M* m, G* g) noexcept;

// Uses the records again. By the end of the runtime, nobody is inside.
void release_all(M* m) noexcept;

}  // namespace causeway::sched::skipped
