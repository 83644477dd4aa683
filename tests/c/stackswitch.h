/* SPDX-License-Identifier: MIT
 *
 * What the two files of the program stackswitch share. */
#ifndef TESTS_C_STACKSWITCH_H
#define TESTS_C_STACKSWITCH_H

#include <pthread.h>

#include "check.h"

/* One call in that parks, calls out and comes back, and counts up *calls. */
void call(unsigned *calls);

/* stackswitch_suspended.c. Returns how many checks failed. */
int suspended_inside_callbacks(void);

static inline void on_a_thread(void *(*fn)(void *), void *arg) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, fn, arg) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}

static inline void on_thread_and_main(void *(*fn)(void *)) {
  on_a_thread(fn, NULL);
  fn(NULL);
}

#endif
