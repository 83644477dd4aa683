// SPDX-License-Identifier: MIT
//
// The only thread-local storage of the library: two words, 16 bytes, initial-exec.
//
// A green thread may run on another OS thread after every switch, and compilers keep the address of a thread-local in a register across
// calls. So no code of ours reads a thread-local but these functions, which no compiler looks into (CW_OPAQUE), and thread_words_here(); a test
// disassembles the library for others. A value that was read before a switch belongs to the thread before it.
//
//   m      the M while managed or runtime code of ours runs on the thread, else null            owner: runtime/sched
//   note   the M that the thread is bound to, or the text of its last error, and flags (ThreadNote)   owner: runtime/sched
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

// The low bits of the note; the rest is a pointer.
namespace note {
inline constexpr uintptr_t kInside = 1;  // a thread without an M is inside a wait's scope, so that a signal handler on top of it can tell
inline constexpr uintptr_t kAsync = 2;   // such a handler is
inline constexpr uintptr_t kEnding = 4;  // the destructor of our pthread key has run
inline constexpr uintptr_t kText = 8;    // the pointer is the text's, and the thread is not bound
inline constexpr uintptr_t kFloatApart = 16;  // bound, and crossing::float_apart()
inline constexpr uintptr_t kUnbound = 32;     // no M: so no flag at all means that the rest is one
inline constexpr uintptr_t kFlags = 63;
}  // namespace note

static_assert(sizeof(ThreadWords) <= 16, "an image that stays loaded may take 16 bytes of static thread-local space, not more");

// Of the calling thread. Valid as long as the thread lives; not to be kept over a switch or a call that may come back on another thread.
CW_OPAQUE ThreadWords* thread_words() noexcept;
// The same without a call, for bridge/inbound and bridge/outbound alone, where the call is a seventh of a crossing. Each use reads the thread's
// base anew: the compiler may neither merge nor move what is volatile and clobbers memory.
#if CW_ARCH_X86_64
CW_ALWAYS_INLINE ThreadWords* thread_words_here() noexcept {
  ThreadWords* words;
  __asm__ volatile(
      "movq cw_thread_words@gottpoff(%%rip), %0\n\t"
      "addq %%fs:0, %0"
      : "=r"(words)
      :
      : "memory", "cc");
  return words;
}
#else
CW_ALWAYS_INLINE ThreadWords* thread_words_here() noexcept { return thread_words(); }
#endif
CW_OPAQUE void* this_m() noexcept;
CW_OPAQUE void set_this_m(void* m) noexcept;
CW_OPAQUE uintptr_t thread_note() noexcept;
// Sets or clears flags, and gives the note as it was. In one step for signal handlers of the same thread, which may bind it in between.
CW_OPAQUE uintptr_t set_thread_flags(uintptr_t flags) noexcept;
CW_OPAQUE uintptr_t clear_thread_flags(uintptr_t flags) noexcept;
CW_OPAQUE void set_thread_note(uintptr_t note) noexcept;

}  // namespace causeway::os
