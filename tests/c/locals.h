/* SPDX-License-Identifier: MIT
 *
 * Local variables that tell whether somebody wrote over them: filled with bytes that say whose they are. */
#ifndef TESTS_C_LOCALS_H
#define TESTS_C_LOCALS_H

enum { LOCALS = 256 };

static inline void locals_fill(volatile unsigned char *locals, unsigned owner) {
  for (unsigned i = 0; i < LOCALS; ++i) locals[i] = (unsigned char)(owner * 31 + i);
}

static inline int locals_intact(const volatile unsigned char *locals, unsigned owner) {
  for (unsigned i = 0; i < LOCALS; ++i)
    if (locals[i] != (unsigned char)(owner * 31 + i)) return 0;
  return 1;
}

#endif
