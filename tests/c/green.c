/* SPDX-License-Identifier: MIT
 *
 * Risk: a function that runs twice or not at all, a join that returns early, ids that repeat, an argument that is read too late. */
#include <pthread.h>

#include "check.h"

struct work {
  int runs;
  int on_green;
  uint64_t id;
};

static void work(void *arg) {
  struct work *w = arg;
  cw_green_yield();
  w->on_green = cw_on_green();
  w->id = cw_green_id();
  ++w->runs;
}

static void join_self(void *arg) {
  _Atomic(cw_green) *self = arg;
  while (*self == 0) cw_green_yield();
  CHECK_STATUS(cw_green_join(*self, CW_FOREVER), CW_E_STATE);
}

static void sleeps(void *arg) { *(cw_status *)arg = cw_green_sleep(CW_FOREVER); }

static void keeps_its_thread(void *arg) {
  (void)arg;
  CHECK_STATUS(cw_thread_unlock(), CW_E_STATE);
  CHECK_STATUS(cw_thread_lock(), CW_OK);
  CHECK_STATUS(cw_thread_lock(), CW_OK);
  const pthread_t here = pthread_self();
  for (int i = 0; i < 200; ++i) {
    cw_green_yield();
    CHECK(pthread_equal(here, pthread_self()));
  }
  CHECK_STATUS(cw_green_sleep(1000000), CW_OK);
  CHECK(pthread_equal(here, pthread_self()));
  CHECK_STATUS(cw_thread_unlock(), CW_OK);
  CHECK_STATUS(cw_thread_unlock(), CW_OK);
  CHECK_STATUS(cw_thread_unlock(), CW_E_STATE);
}

static void *spawns_from_a_thread(void *arg) {
  struct work w = {0};
  cw_green green;
  CHECK_STATUS(cw_green_spawn(work, &w, NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
  CHECK(w.runs == 1);
  return arg;
}

int main(void) {
  enum { N = 200 };
  static struct work works[N];
  static cw_green greens[N];
  CHECK(cw_green_id() == 0);
  CHECK(cw_on_green() == 0);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  for (int i = 0; i < N; ++i) CHECK_STATUS(cw_green_spawn(work, &works[i], NULL, &greens[i]), CW_OK);
  for (int i = 0; i < N; ++i) {
    CHECK(greens[i] != 0);
    CHECK_STATUS(cw_green_join(greens[i], LONG_TIME), CW_OK);
    CHECK(works[i].runs == 1 && works[i].on_green == 1 && works[i].id != 0);
    for (int j = 0; j < i; ++j) CHECK(works[i].id != works[j].id);
    CHECK_STATUS(cw_green_join(greens[i], LONG_TIME), CW_E_STALE);
    CHECK_STATUS(cw_green_detach(greens[i]), CW_E_STALE);
    CHECK_STATUS(cw_green_request_stop(greens[i]), CW_E_STALE);
  }

  static _Atomic(cw_green) self;
  cw_green green;
  CHECK_STATUS(cw_green_spawn(join_self, (void *)&self, NULL, &green), CW_OK);
  self = green;
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);

  cw_status slept = CW_OK;
  CHECK_STATUS(cw_green_spawn(sleeps, &slept, NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_join(green, 0), CW_E_TIMEOUT);
  CHECK_STATUS(cw_green_join(green, 1000000), CW_E_TIMEOUT);
  CHECK_STATUS(cw_green_request_stop(green), CW_OK);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
  CHECK(slept == CW_E_CANCELLED);

  CHECK_STATUS(cw_green_spawn(keeps_its_thread, NULL, NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);

  static struct work detached;
  CHECK_STATUS(cw_green_spawn(work, &detached, NULL, NULL), CW_OK);
  CHECK_STATUS(cw_green_spawn(work, &works[0], NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_detach(green), CW_OK);
  CHECK_STATUS(cw_green_join(green, 0), CW_E_STALE);

  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) CHECK(pthread_create(&threads[i], NULL, spawns_from_a_thread, NULL) == 0);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);

  /* A plain thread yields and sleeps itself. */
  CHECK_STATUS(cw_green_yield(), CW_OK);
  CHECK_STATUS(cw_green_sleep(1000), CW_OK);
  CHECK_STATUS(cw_thread_lock(), CW_E_STATE);
  CHECK_STATUS(cw_thread_unlock(), CW_E_STATE);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK); /* waits for the detached ones */
  CHECK(detached.runs == 1 && works[0].runs == 2);
  return checks_result();
}
