/* SPDX-License-Identifier: MIT
 *
 * A C library that keeps state per thread, called by green threads in several calls: with cw_thread_lock() it is the same state each time
 * (TestTLS); and its thread-local variables do not lie where the runtime's do (testso).
 *
 * Risk: a green thread that is locked and changes its OS thread between two calls; a callback that ends on another thread than its C code. */
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "tls_library.h"

enum { GREENS = 20, ROUNDS = 50 };

struct state {
  int value;
};

static void set_in_c(void *arg) { tls_set(((struct state *)arg)->value); }
static void get_in_c(void *arg) { ((struct state *)arg)->value = tls_get(); }

static void locked(void *arg) {
  const int mine = *(int *)arg;
  CHECK_STATUS(cw_thread_lock(), CW_OK);
  for (int round = 0; round < ROUNDS; ++round) {
    struct state s = {mine * 1000 + round};
    CHECK_STATUS(cw_call(round % 2 == 0 ? CW_QUICK : CW_LEAF, set_in_c, &s), CW_OK);
    CHECK_STATUS(cw_green_yield(), CW_OK);
    if (round % 8 == 0) CHECK_STATUS(cw_green_sleep(1000), CW_OK);
    struct state got = {0};
    CHECK_STATUS(cw_call(round % 3 == 0 ? CW_BLOCKING : CW_LEAF, get_in_c, &got), CW_OK);
    CHECK(got.value == s.value);
  }
  CHECK_STATUS(cw_thread_unlock(), CW_OK);
}

/* C code keeps its thread in any case: over a callback that parks, too. */
static void yields(void *arg) {
  (void)arg;
  CHECK_STATUS(cw_green_yield(), CW_OK);
  CHECK_STATUS(cw_green_sleep(1000), CW_OK);
}

static void sets_calls_back_and_gets(void *arg) {
  const int mine = *(int *)arg;
  const long here = syscall(SYS_gettid);
  for (int round = 0; round < ROUNDS; ++round) {
    tls_set(mine * 1000 + round);
    CHECK_STATUS(cw_enter(yields, NULL), CW_OK);
    CHECK(tls_get() == mine * 1000 + round);
    CHECK(syscall(SYS_gettid) == here);
  }
}

static void not_locked(void *arg) { CHECK_STATUS(cw_call(CW_QUICK, sets_calls_back_and_gets, arg), CW_OK); }

static void *foreign(void *arg) {
  CHECK(tls_get() == 7);
  CHECK_STATUS(cw_enter(yields, NULL), CW_OK); /* binds the thread: the runtime's own words are written */
  CHECK(tls_get() == 7);
  sets_calls_back_and_gets(arg);
  return NULL;
}

static void run(cw_fn fn) {
  cw_green greens[GREENS];
  int numbers[GREENS];
  for (int i = 0; i < GREENS; ++i) {
    numbers[i] = i + 1;
    CHECK_STATUS(cw_green_spawn(fn, &numbers[i], NULL, &greens[i]), CW_OK);
  }
  for (int i = 0; i < GREENS; ++i) CHECK_STATUS(cw_green_join(greens[i], CW_FOREVER), CW_OK);
}

int main(void) {
  pthread_t threads[4];
  int numbers[4];
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  run(locked);
  run(not_locked);
  for (int i = 0; i < 4; ++i) {
    numbers[i] = 100 + i;
    CHECK(pthread_create(&threads[i], NULL, foreign, &numbers[i]) == 0);
  }
  for (int i = 0; i < 4; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  return checks_result();
}
