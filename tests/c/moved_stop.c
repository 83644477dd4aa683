/* SPDX-License-Identifier: MIT
 *
 * A call in that its host suspended in C, and a stop of the runtime.
 *
 * Risks: what a call leaves on its thread when it goes on on another one is taken for something of the runtime that is up now; a stop does
 * not see a call in that is suspended below nobody's call out any more, and takes its stack away. Joined threads order everything here, so
 * each case is one sequence of steps. */
#include <pthread.h>

#include "check.h"
#include "host_stack.h"

static host_stack coroutine;
static char memory[256 * 1024];

static void suspend(void *arg) {
  (void)arg;
  host_stack_suspend(&coroutine);
}

static void callback(void *arg) {
  (void)arg;
  CHECK_STATUS(cw_call(CW_QUICK, suspend, NULL), CW_OK);
}

static void body(host_stack *self) {
  (void)self;
  CHECK_STATUS(cw_enter(callback, NULL), CW_OK);
}

static void begin(void *arg) {
  (void)arg;
  host_stack_init(&coroutine, memory, sizeof memory, body, NULL);
  host_stack_resume(&coroutine);
}

static void *finish(void *arg) {
  (void)arg;
  host_stack_resume(&coroutine);
  return NULL;
}

static void finish_on_another_thread(void) {
  pthread_t thread;
  CHECK(!coroutine.done);
  CHECK(pthread_create(&thread, NULL, finish, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(coroutine.done);
  host_stack_end(&coroutine);
}

static void count(void *arg) { ++*(int *)arg; }

static void green(void *arg) {
  (void)arg;
  CHECK_STATUS(cw_call(CW_QUICK, begin, NULL), CW_OK);
}

/* The thread on which the call began has the anchor of a green thread that is gone, and calls in: refused, and in the next runtime. */
static void moved_and_stopped(void) {
  cw_options no_start;
  int calls = 0;
  CHECK_STATUS(cw_options_init(&no_start), CW_OK);
  no_start.implicit_start = 0;
  no_start.start_wait_ns = 1000000; /* as long as nobody starts one: the answer is known */
  CHECK_STATUS(cw_options_set_default(&no_start), CW_OK);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  begin(NULL);
  finish_on_another_thread();
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  CHECK_STATUS(cw_enter(count, &calls), CW_E_NOT_READY);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_enter(count, &calls), CW_OK);
  CHECK(calls == 1);
  begin(NULL);
  finish_on_another_thread();
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_enter(count, &calls), CW_OK); /* nothing was refused in between */
  CHECK(calls == 2);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

/* A green thread's call to C begins the call in, and returns before it. */
static void suspended_on_a_worker(void) {
  cw_green g;
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_green_spawn(green, NULL, NULL, &g), CW_OK);
  CHECK_STATUS(cw_green_join(g, LONG_TIME), CW_OK);
  CHECK_STATUS(cw_runtime_stop(0), CW_E_BUSY);
  finish_on_another_thread();
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

int main(void) {
  moved_and_stopped();
  suspended_on_a_worker();
  return checks_result();
}
