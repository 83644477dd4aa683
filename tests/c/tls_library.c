/* SPDX-License-Identifier: MIT
 *
 * A C library with thread-local state, for tls.c. */
#include "tls_library.h"

static __thread int value = 7;
static __thread char large[4096];

void tls_set(int v) {
  value = v;
  large[sizeof large - 1] = (char)v;
}

int tls_get(void) { return large[sizeof large - 1] == (char)value || value == 7 ? value : -1; }
