/* SPDX-License-Identifier: MIT */
/* Compiled without frame pointers, as a host's C code usually is. */
#include <string.h>

int host_outer(void (*then)(void *), void *arg);
int host_middle(void (*then)(void *), void *arg);
int host_inner(void (*then)(void *), void *arg);

__attribute__((noinline)) int host_inner(void (*then)(void *), void *arg) {
  then(arg);
  __asm__ volatile("" ::: "memory");
  return 1;
}

/* A frame whose size the compiler does not know: it needs a frame pointer for itself. */
__attribute__((noinline)) int host_middle(void (*then)(void *), void *arg) {
  volatile int n = 300;
  char *room = __builtin_alloca((unsigned)n);
  memset(room, n & 0xff, (unsigned)n);
  const int below = host_inner(then, arg);
  return below + room[n / 2];
}

__attribute__((noinline)) int host_outer(void (*then)(void *), void *arg) {
  volatile char room[5000];
  room[4999] = 1;
  const int below = host_middle(then, arg);
  return below + room[4999];
}
