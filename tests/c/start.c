/* SPDX-License-Identifier: MIT
 *
 * Calls in before the runtime is there: from a constructor of the program, while another thread starts it, and from the very thread that
 * starts it (FAULTS 1 and 2). The last two are made sure of by a pthread_create() of our own, which the start calls.
 *
 * Risk: a hang of two that wait for each other, or a call that finds half a runtime. */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"

static void callback(void *arg) {
  CHECK(cw_on_green() == 1);
  CHECK_STATUS(cw_green_sleep(1000), CW_OK);
  ++*(int *)arg;
}

static int early_calls;
static cw_status early_status;

__attribute__((constructor)) static void before_main(void) { early_status = cw_enter(callback, &early_calls); }

/* --- pthread_create ----------------------------------------------------------------------------------------------- */

static _Thread_local int starts; /* this thread is inside cw_runtime_start() */
static void (*inside)(void);     /* what it does at its first thread */
static int inside_ran;

typedef int create_fn(pthread_t *out, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg);

int pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg) {
  create_fn *real;
  void *const symbol = dlsym(RTLD_NEXT, "pthread_create");
  memcpy(&real, &symbol, sizeof real); /* an object pointer is no function pointer in C11 */
  if (starts && inside != NULL && !inside_ran) {
    inside_ran = 1;
    inside();
  }
  return real(out, attributes, fn, arg);
}

static void start_with(void (*fn)(void), uint64_t wait_ns) {
  cw_options options;
  CHECK_STATUS(cw_options_init(&options), CW_OK);
  options.start_wait_ns = wait_ns;
  CHECK_STATUS(cw_options_set_default(&options), CW_OK);
  inside = fn;
  inside_ran = 0;
  starts = 1;
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  starts = 0;
  CHECK(inside_ran);
}

/* --- the starting thread itself ------------------------------------------------------------------------------------- */

static void call_myself(void) {
  int calls = 0;
  CHECK_STATUS(cw_enter(callback, &calls), CW_E_NOT_READY);
  CHECK(calls == 0);
  CHECK(cw_post(callback, &calls) == CW_E_NOT_READY);
}

/* --- another thread --------------------------------------------------------------------------------------------------- */

static sem_t go, answered;
static atomic_int calling;
static cw_status answer;
static int answer_calls;

static void *calls_when_told(void *arg) {
  while (sem_wait(&go) != 0) continue;
  calling = 1;
  answer = cw_enter(callback, &answer_calls);
  sem_post(&answered);
  return arg;
}

static void wait_for_its_answer(void) {
  sem_post(&go);
  while (sem_wait(&answered) != 0) continue;
}

/* Whether it already waits when the start goes on cannot be seen from here; it has to be right either way. */
static void let_it_call(void) {
  const struct timespec while_it_calls = {0, 100000000};
  sem_post(&go);
  while (!calling) continue;
  nanosleep(&while_it_calls, NULL);
}

static void another_thread(void (*fn)(void), uint64_t wait_ns, cw_status expected) {
  pthread_t thread;
  answer = CW_E_PANIC;
  answer_calls = calling = 0;
  CHECK(pthread_create(&thread, NULL, calls_when_told, NULL) == 0);
  start_with(fn, wait_ns);
  CHECK(pthread_join(thread, NULL) == 0);
  while (sem_trywait(&answered) == 0) continue;
  CHECK(answer == expected && answer_calls == (expected == CW_OK));
  CHECK_STATUS(cw_enter(callback, &answer_calls), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

int main(void) {
  CHECK(early_status == CW_OK && early_calls == 1);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK); /* the one that the constructor's call started */
  CHECK(sem_init(&go, 0, 0) == 0 && sem_init(&answered, 0, 0) == 0);
  for (int round = 0; round < 3; ++round) {
    start_with(call_myself, 10000000000);
    CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
    another_thread(wait_for_its_answer, 20000000, CW_E_NOT_READY); /* the start lasts longer than it waits: it does not end before */
    another_thread(let_it_call, LONG_TIME, CW_OK);
  }
  return checks_result();
}
