// SPDX-License-Identifier: MIT
//
// The walk that does not end at a crossing: managed, C and managed frames of one green thread, or of an OS thread, in one list. Reachable from signal
// handlers: reads stacks, records and tables, calls nothing that locks or allocates.
//
// Within a stack cfi.hpp makes the steps. Over a crossing the records lead:
//
//   callback -> C    the green thread runs a call in (Inbound::active): the pivot at Inbound::high returns to the entry, on the C stack
//   C -> call out    the C code ends at Outbound::c_sp; the pivot there returns to the call out of the green thread, whose frame is Outbound::sp
//
// So a walk goes on where C code in between cannot be walked (a marker says so), where a host runs callbacks on stacks of its own, where those are
// suspended, and where the call has been moved to another OS thread.
//
//   INV-AC1  What is read through a record is the walked green thread's own, or that of one whose call out it came in below: both keep still.
//   INV-AC2  Never on a green thread's own stack: the walk would read the frames that it writes. Stops the process (traceback-own-stack).
//   INV-AC3  Steps, hops and table entries are bounded by the room of the list.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/os/os.hpp"
#include "runtime/sched/sched.hpp"
#include "runtime/trace/cfi.hpp"

namespace causeway::trace {

// One line of a traceback, innermost first.
struct Step {
  enum Kind : uint8_t {
    Frame,    // value: an address in code
    CallOut,  // the C code above was called by the managed code below; value: the function, 0 if not known
    CallIn,   // the managed code above was entered by the C code below; value: the id of its green thread
    Unknown,  // frames are missing here: of C code that goes on, or that cannot be walked
  };
  enum Code : uint8_t { Managed, C };
  uintptr_t value = 0;
  Kind kind = Frame;
  Code code = Managed;
  bool exact = false;  // a Frame's value is an instruction, not an address to return to
};

// Where steps are put; others' memory.
struct Steps {
  Step* at = nullptr;
  uint32_t room = 0, n = 0;
  bool cut = false;  // there were more

  void add(const Step& step) noexcept {
    if (n < room) at[n++] = step;
    else cut = true;
  }
};

struct WalkOptions {
  Memory::Trust trust = Memory::Trust::Bounds;  // Shy: what is walked may run on, so that the list may be wrong but nothing faults
  RuleCache* cache = nullptr;
  bool above_us = false;  // the place is above the walker's own frames on that stack, as in fatal(): INV-AC2 does not hold it up
};

// The place at which `context` (a ucontext_t) was interrupted.
Cursor cursor_of(const os::ContextRegisters& at) noexcept;

// A green thread that keeps still: parked, runnable, in C, or halted by a stop of the world. One that runs gives a marker only.
//
// Stack:       any but g's (INV-AC2)
// Signal-safe: yes
void walk_green(const sched::G* g, Steps* to, const WalkOptions& options) noexcept;

// An OS thread from a place in it, whatever runs there: C code, or managed code of the M. `m` may be null: none of ours.
//
// Needs:       it is the calling thread, or keeps still
// Stack:       any but that of a green thread that is walked (INV-AC2): a signal handler on an alternate stack, or the C stack
// Signal-safe: yes
void walk_thread(const sched::M* m, const Cursor& from, Steps* to, const WalkOptions& options) noexcept;

// The M of the calling thread, inside managed code or in C; null: none.                                 Signal-safe: yes
const sched::M* m_here() noexcept;

}  // namespace causeway::trace
