/* SPDX-License-Identifier: MIT
 *
 * A C program whose main thread does nothing but call in, 100 000 times, and never starts the runtime itself (TestManyCalls).
 *
 * Risk: a wake-up that is lost, or something that each call leaves behind; the limit of the whole program is what shows a hang. */
#include "check.h"

enum { CALLS = 100000 };

static cw_event event;

static void callback(void *arg) { ++*(int *)arg; }

static void callback_that_waits(void *arg) {
  CHECK_STATUS(cw_event_wait(event, CW_FOREVER), CW_OK);
  ++*(int *)arg;
}

static void set(void *arg) {
  (void)arg;
  CHECK_STATUS(cw_event_set(event), CW_OK);
}

int main(void) {
  int calls = 0;
  cw_stats stats;
  CHECK_STATUS(cw_event_create(&event), CW_OK);
  for (int i = 0; i < CALLS; ++i) {
    if (i % 100 == 0) {
      CHECK_STATUS(i == 0 ? cw_event_set(event) : cw_post(set, NULL), CW_OK); /* a post starts no runtime */
      CHECK_STATUS(cw_enter(callback_that_waits, &calls), CW_OK);
    } else {
      CHECK_STATUS(cw_enter(callback, &calls), CW_OK);
    }
  }
  CHECK(calls == CALLS);
  CHECK_STATUS(cw_stats_init(&stats), CW_OK);
  CHECK_STATUS(cw_runtime_stats(&stats), CW_OK);
  CHECK(stats.calls_in == CALLS && stats.foreign_threads == 1);
  CHECK_STATUS(cw_event_close(event), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  return checks_result();
}
