// SPDX-License-Identifier: MIT
//
// The only thread-local storage of the library: two words, 16 bytes, initial-exec.
//
// A green thread may run on another OS thread after every switch, and compilers keep the address of a thread-local in a register across
// calls. So no code of ours reads a thread-local but these functions, which no compiler looks into (CW_OPAQUE); a test disassembles the
// library for others. A value that was read before a switch belongs to the thread before it.
//
//   m      the thread's M, or null                                                        owner: runtime/sched
//   note   one word for the row that needs to know something about a thread without an M   owner: runtime/sched
//
// All: Signal-safe: yes.
#pragma once

#include <cstdint>

#include "runtime/base/config.h"

namespace causeway::os {

struct ThreadWords {
  void* m;
  uintptr_t note;
};
static_assert(sizeof(ThreadWords) <= 16, "an image that stays loaded may take 16 bytes of static thread-local space, not more");

CW_OPAQUE void* this_m() noexcept;
CW_OPAQUE void set_this_m(void* m) noexcept;
CW_OPAQUE uintptr_t thread_note() noexcept;
CW_OPAQUE void set_thread_note(uintptr_t note) noexcept;

}  // namespace causeway::os
