// SPDX-License-Identifier: MIT
//
// What the tests of longjmp share: C code that protects a call, callbacks that jump out of it. Included before all else.
#pragma once

#undef _FORTIFY_SOURCE  // its longjmp compares addresses: it refuses a jump from a green stack to a C stack that is below it in memory
#include <setjmp.h>

#include "tests/cpp/inbound/support.hpp"

namespace jumping {

// The frames that a jump skips have nothing to destroy: that is C's bargain.
inline jmp_buf* target = nullptr;

inline void callback(int depth);
inline void c_code(int depth) {
  if (depth == 0) longjmp(*target, 1);
  causeway::entry<&callback>(depth - 1);
}
inline void callback(int depth) { causeway::call(&c_code, depth); }
inline void jumps_itself(int) { longjmp(*target, 1); }
inline int fine(int value) {
  causeway::this_green::yield();
  return value + 1;
}

// C code: protects a call as lua_pcall() does.
[[gnu::noinline]] inline bool protected_call(void (*entered)(int), int depth) {
  jmp_buf here;
  jmp_buf* volatile before = target;
  target = &here;
  const bool jumped = setjmp(here) != 0;
  if (!jumped) entered(depth);
  target = before;
  return jumped;
}

}  // namespace jumping
