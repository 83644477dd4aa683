/* SPDX-License-Identifier: MIT
 *
 * A stop while eight threads of the host are inside callbacks (FAULTS 4), calls that come too late (FAULTS 3), and a main thread that has ended
 * (FAULTS 8: the whole program runs on after pthread_exit of main).
 *
 * Risk: a stop that takes away what a callback stands on, that forgets one, or that hangs; one that cannot be called again; a late call
 * that waits for a runtime which will not come. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

enum { kThreads = 8 };

static sem_t inside, go_on;
static cw_event never;
static atomic_int cancelled, returned;

static void post(sem_t *sem) { CHECK(sem_post(sem) == 0); }
static void wait_on(void *arg) {
  while (sem_wait(arg) != 0) continue;
}

static void waits_managed(void *arg) {
  (void)arg;
  post(&inside);
  if (cw_event_wait(never, CW_FOREVER) == CW_E_CANCELLED) ++cancelled;
}

static void waits_in_c(void *arg) {
  (void)arg;
  post(&inside);
  CHECK_STATUS(cw_call(CW_BLOCKING, wait_on, &go_on), CW_OK);
  /* What began before the stop goes on as it was, but for its waits. */
  CHECK(cw_on_green() == 1);
  if (cw_event_wait(never, CW_FOREVER) == CW_E_CANCELLED) ++cancelled;
}

static void *calls(void *arg) {
  cw_fn fn;
  memcpy(&fn, arg, sizeof fn);
  CHECK_STATUS(cw_enter(fn, NULL), CW_OK);
  ++returned;
  return NULL;
}

static void count(void *arg) { ++*(int *)arg; }

static void start_inside(pthread_t *threads, cw_fn fn) {
  static cw_fn what;
  what = fn;
  cancelled = returned = 0;
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_event_create(&never), CW_OK);
  for (int i = 0; i < kThreads; ++i) CHECK(pthread_create(&threads[i], NULL, calls, &what) == 0);
  for (int i = 0; i < kThreads; ++i) wait_on(&inside);
}

static void join_all(pthread_t *threads) {
  for (int i = 0; i < kThreads; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(returned == kThreads && cancelled == kThreads);
  CHECK_STATUS(cw_event_close(never), CW_OK);
}

static void drains(void) {
  pthread_t threads[kThreads];
  start_inside(threads, waits_managed);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  join_all(threads);
}

static int occurrences(const char *text, const char *what) {
  int n = 0;
  for (const char *at = text; (at = strstr(at, what)) != NULL; ++at) ++n;
  return n;
}

static void times_out(void) {
  pthread_t threads[kThreads];
  int late = 0;
  start_inside(threads, waits_in_c);
  for (int i = 0; i < 2; ++i) { /* once more, and it says the same */
    CHECK_STATUS(cw_runtime_stop(i == 0 ? 1000000 : 0), CW_E_BUSY);
    const char *text = cw_last_error();
    /* Eight callbacks, their threads, and where they are. */
    const int named = strstr(text, "8 green threads have not ended") != NULL && occurrences(text, "called by thread ") == kThreads &&
                      occurrences(text, "in C") == kThreads;
    CHECK(named);
    if (!named) printf("the list of who is left is: %s\n", text);
    /* Nobody new comes in. */
    CHECK_STATUS(cw_enter(count, &late), CW_E_STOPPED);
    CHECK_STATUS(cw_green_spawn(count, &late, NULL, NULL), CW_E_STOPPED);
    CHECK(cw_post(count, &late) == CW_E_STOPPED);
    CHECK_STATUS(cw_runtime_start(NULL), CW_E_STOPPED);
  }
  CHECK(returned == 0 && late == 0);
  for (int i = 0; i < kThreads; ++i) post(&go_on);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  join_all(threads);
  /* And again from the start. */
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_enter(count, &late), CW_OK);
  CHECK(late == 1);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

/* After the stop, where nothing is started by itself. */
static void too_late(void) {
  cw_options options;
  int late = 0;
  CHECK_STATUS(cw_options_init(&options), CW_OK);
  options.implicit_start = 0;
  options.start_wait_ns = 0;
  CHECK_STATUS(cw_options_set_default(&options), CW_OK);
  CHECK_STATUS(cw_enter(count, &late), CW_E_NOT_READY);
  CHECK(cw_post(count, &late) == CW_E_NOT_READY);
  CHECK(late == 0);
  CHECK_STATUS(cw_options_set_default(NULL), CW_OK);
}

static void *all(void *main_thread) {
  if (main_thread != NULL && !SANITIZED) CHECK(pthread_join(*(pthread_t *)main_thread, NULL) == 0);
  drains();
  times_out();
  too_late();
  return NULL;
}

static void *after_main(void *arg) {
  all(arg);
  fflush(stdout);
  exit(checks_result());
}

int main(void) {
  static pthread_t self;
  pthread_t other;
  int calls_of_main = 0;
  self = pthread_self();
  CHECK(sem_init(&inside, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
  CHECK_STATUS(cw_enter(count, &calls_of_main), CW_OK); /* main is bound, and starts the runtime */
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  all(NULL);
  CHECK(pthread_create(&other, NULL, after_main, &self) == 0);
  pthread_exit(NULL);
}
