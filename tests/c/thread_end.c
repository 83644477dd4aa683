/* SPDX-License-Identifier: MIT
 *
 * Threads that end after they called in, each in a way of its own, and call in while they end: from destructors of other libraries' keys, made
 * before and after the runtime's, in every round of them (FAULTS 13 and 14).
 *
 * Risk: a place in the runtime that stays taken by a thread that is gone, or one that is given back while its thread still calls. */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "host_stack.h"

/* The thread sanitizer does away with its own notes of a thread in the last round: no code that it knows may run after that. */
enum { ROUNDS = 20, DESTRUCTOR_ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS - (HOST_TSAN ? 2 : 0) };

static pthread_key_t key_before, key_after;
static atomic_int calls;

static void callback(void *arg) {
  (void)arg;
  CHECK(cw_on_green() == 1);
  CHECK_STATUS(cw_green_sleep(1000), CW_OK);
  ++calls;
}

static void call(void) { CHECK_STATUS(cw_enter(callback, NULL), CW_OK); }

/* What a thread leaves in a key: how often its destructor is to run again, and from which run on it calls. */
struct ending {
  pthread_key_t key;
  int runs, wanted, first_call;
};

static void on_end(void *arg) {
  struct ending *const e = arg;
  if (++e->runs >= e->first_call) call();
  if (e->runs < e->wanted) CHECK(pthread_setspecific(e->key, e) == 0);
}

static void *end_plain(void *arg) {
  call();
  return arg;
}

static __attribute__((noinline)) void deeper(volatile int n) {
  for (; n > 0; --n)
    if (n == 1) pthread_exit(NULL);
}

static void *end_by_exit(void *arg) {
  call();
  deeper(5);
  return arg;
}

static void *end_by_cancel(void *arg) {
  call();
  CHECK(pthread_cancel(pthread_self()) == 0);
  pthread_testcancel();
  CHECK(0); /* not reached */
  return arg;
}

static void *end_detached(void *arg) {
  CHECK(pthread_detach(pthread_self()) == 0);
  call();
  return arg;
}

/* Every way that has called, or has not, before its keys' destructors do; each key in each number of rounds. */
struct way {
  struct ending before, after;
  int calls_first;
};

static void *end_with_keys(void *arg) {
  struct way *const w = arg;
  if (w->calls_first) call();
  if (w->before.wanted > 0) CHECK(pthread_setspecific(w->before.key, &w->before) == 0);
  if (w->after.wanted > 0) CHECK(pthread_setspecific(w->after.key, &w->after) == 0);
  return NULL;
}

static void run(void *(*fn)(void *), void *arg) {
  pthread_t thread;
  const uint64_t before = foreign_threads();
  CHECK(pthread_create(&thread, NULL, fn, arg) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  /* pthread_join() returns a moment before the kernel has done away with the thread, and nobody else tells of its end if its first call came
   * in the last round of destructors. */
  const struct timespec nap = {0, 1000000};
  for (int i = 0; i < 30000 && foreign_threads() != before; ++i) nanosleep(&nap, NULL);
  CHECK(foreign_threads() == before);
}

static int wanted_calls(const struct ending *e) { return e->wanted >= e->first_call ? e->wanted - e->first_call + 1 : 0; }

static void with_keys(void) {
  for (int calls_first = 0; calls_first < 2; ++calls_first)
    for (int before = 0; before <= DESTRUCTOR_ROUNDS; ++before)
      for (int after = 0; after <= DESTRUCTOR_ROUNDS; ++after)
        for (int first = 1; first <= DESTRUCTOR_ROUNDS; ++first) {
          struct way w = {{key_before, 0, before, first}, {key_after, 0, after, first}, calls_first};
          const int had = calls;
          run(end_with_keys, &w);
          CHECK(w.before.runs == before && w.after.runs == after);
          CHECK(calls - had == calls_first + wanted_calls(&w.before) + wanted_calls(&w.after));
        }
}

/* Nobody joins them; they are over soon. */
static void detached_threads(void) {
  pthread_t thread;
  const int had = calls;
  for (int i = 0; i < ROUNDS; ++i) CHECK(pthread_create(&thread, NULL, end_detached, NULL) == 0);
  for (int i = 0; (calls != had + ROUNDS || foreign_threads() != 1) && i < 50000; ++i) CHECK_STATUS(cw_green_sleep(1000000), CW_OK);
  CHECK(calls == had + ROUNDS);
  CHECK(foreign_threads() == 1);
}

int main(void) {
  CHECK(pthread_key_create(&key_before, on_end) == 0);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  call(); /* whatever the library makes once is there */
  CHECK(pthread_key_create(&key_after, on_end) == 0);
  for (int i = 0; i < ROUNDS; ++i) {
    run(end_plain, NULL);
    run(end_by_exit, NULL);
    run(end_by_cancel, NULL);
  }
  detached_threads();
  with_keys();
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  return checks_result();
}
