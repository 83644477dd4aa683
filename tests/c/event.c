/* SPDX-License-Identifier: MIT
 *
 * Risk: a set that is lost, above all one from a signal handler, and a close that forgets a waiter. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "check.h"

static cw_event shared;
static volatile sig_atomic_t handler_failed;

static void on_signal(int number) {
  (void)number;
  errno = 4711;
  if (cw_event_set(shared) != CW_OK || errno != 4711) handler_failed = 1;
}

static void wait_shared(void *arg) { *(cw_status *)arg = cw_event_wait(shared, LONG_TIME); }

static void set_by_a_handler(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  for (int round = 0; round < 500; ++round) {
    cw_green green;
    cw_status status = CW_E_PANIC;
    CHECK_STATUS(cw_green_spawn(wait_shared, &status, NULL, &green), CW_OK);
    CHECK(raise(SIGUSR1) == 0); /* runs the handler in this thread, before raise() returns */
    CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
    CHECK(status == CW_OK);
  }
  CHECK(handler_failed == 0);
}

static void *wait_on_a_thread(void *arg) {
  wait_shared(arg);
  return NULL;
}

static void close_ends_waits(void) {
  for (int round = 0; round < 200; ++round) {
    pthread_t thread;
    cw_green green;
    cw_status on_thread = CW_OK, on_green = CW_OK;
    CHECK_STATUS(cw_event_create(&shared), CW_OK);
    CHECK(pthread_create(&thread, NULL, wait_on_a_thread, &on_thread) == 0);
    CHECK_STATUS(cw_green_spawn(wait_shared, &on_green, NULL, &green), CW_OK);
    if (round % 2 == 0) cw_green_yield();
    CHECK_STATUS(cw_event_close(shared), CW_OK);
    CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
    pthread_join(thread, NULL);
    /* Before the wait began the handle was stale already. */
    CHECK(on_thread == CW_E_CLOSED || on_thread == CW_E_STALE);
    CHECK(on_green == CW_E_CLOSED || on_green == CW_E_STALE);
    CHECK_STATUS(cw_event_set(shared), CW_E_STALE);
    CHECK_STATUS(cw_event_wait(shared, 0), CW_E_STALE);
    CHECK_STATUS(cw_event_close(shared), CW_E_STALE);
  }
}

int main(void) {
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_event_create(&shared), CW_OK);
  CHECK_STATUS(cw_event_wait(shared, 0), CW_E_TIMEOUT);
  CHECK_STATUS(cw_event_set(shared), CW_OK);
  CHECK_STATUS(cw_event_set(shared), CW_OK);
  CHECK_STATUS(cw_event_wait(shared, CW_FOREVER), CW_OK);
  CHECK_STATUS(cw_event_wait(shared, 1000000), CW_E_TIMEOUT); /* two sets were one */
  set_by_a_handler();
  CHECK_STATUS(cw_event_close(shared), CW_OK);
  close_ends_waits();
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  return checks_result();
}
