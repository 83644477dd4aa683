/* SPDX-License-Identifier: MIT
 *
 * Calls in, posts, calls out, attached threads and declared stacks: each function, its states and its bad arguments.
 *
 * Risk: a bad argument that crashes or is taken for good; a call that says what it is not (on a green thread, or off it). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "check.h"

static cw_stats stats(void) {
  cw_stats s;
  CHECK_STATUS(cw_stats_init(&s), CW_OK);
  CHECK_STATUS(cw_runtime_stats(&s), CW_OK);
  return s;
}

static void on_a_thread(void *(*fn)(void *), void *arg) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, fn, arg) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}

/* --- in and out -------------------------------------------------------------------------------------------------- */

struct seen {
  uint64_t id[4];
  int calls;
};

static void innermost(void *arg) {
  struct seen *const s = arg;
  CHECK(cw_on_green() == 1);
  s->id[2] = cw_green_id();
  ++s->calls;
}

static void in_c(void *arg) {
  struct seen *const s = arg;
  CHECK(cw_on_green() == 0 && cw_green_id() == 0);
  /* C code that a green thread called is a plain thread to every function of ours. */
  CHECK_STATUS(cw_thread_lock(), CW_E_STATE);
  CHECK_STATUS(cw_green_sleep(1000), CW_OK);
  CHECK_STATUS(cw_enter(innermost, s), CW_OK);
  CHECK(cw_on_green() == 0);
  ++s->calls;
}

static void on_the_same(void *arg) {
  struct seen *const s = arg;
  s->id[1] = cw_green_id();
  ++s->calls;
}

static void outermost(void *arg) {
  struct seen *const s = arg;
  CHECK(cw_on_green() == 1);
  s->id[0] = cw_green_id();
  CHECK_STATUS(cw_enter(on_the_same, s), CW_OK); /* a plain call */
  CHECK_STATUS(cw_call(CW_QUICK, in_c, s), CW_OK);
  CHECK_STATUS(cw_call(CW_BLOCKING, in_c, s), CW_OK);
  CHECK(cw_green_id() == s->id[0]);
  ++s->calls;
}

static void *in_and_out(void *arg) {
  struct seen s = {{0}, 0};
  CHECK(cw_on_green() == 0 && cw_green_id() == 0);
  CHECK_STATUS(cw_enter(outermost, &s), CW_OK);
  CHECK(cw_on_green() == 0 && cw_green_id() == 0);
  CHECK(s.calls == 6);
  CHECK(s.id[0] != 0 && s.id[1] == s.id[0]); /* no green thread of its own */
  CHECK(s.id[2] != 0 && s.id[2] != s.id[0]); /* nested: one of its own */
  const uint64_t first = s.id[0];
  CHECK_STATUS(cw_enter(outermost, &s), CW_OK);
  CHECK(s.id[0] != first); /* each call a new one */
  return arg;
}

static void in_a_green_thread(void *arg) {
  struct seen s = {{0}, 0};
  (void)arg;
  outermost(&s);
  CHECK(s.calls == 6 && s.id[0] == cw_green_id());
}

static void leaf(void *arg) { ++*(int *)arg; }

static void calls_a_leaf(void *arg) {
  for (int i = 0; i < 1000; ++i) CHECK_STATUS(cw_call(CW_LEAF, leaf, arg), CW_OK);
}

static void counts(void) {
  const cw_stats before = stats();
  struct seen s = {{0}, 0};
  CHECK_STATUS(cw_enter(outermost, &s), CW_OK);
  const cw_stats after = stats();
  CHECK(after.calls_in - before.calls_in == 3);
  CHECK(after.nested - before.nested == 2);
  CHECK(after.calls_out - before.calls_out == 2);
  CHECK(after.greens <= before.greens); /* what ended before may have been counted yet */
}

/* --- arguments --------------------------------------------------------------------------------------------------- */

static void nothing(void *arg) { (void)arg; }

static void bad_calls_out(void) {
  CHECK_STATUS(cw_call(CW_QUICK, NULL, NULL), CW_E_INVALID);
  CHECK_STATUS(cw_call(-1, nothing, NULL), CW_E_INVALID);
  CHECK_STATUS(cw_call(3, nothing, NULL), CW_E_INVALID);
}

static void bad_calls_of_a_green_thread(void *arg) {
  (void)arg;
  bad_calls_out();
  CHECK_STATUS(cw_thread_attach(), CW_E_STATE);
  CHECK_STATUS(cw_thread_detach(), CW_E_STATE);
}

static void bad_arguments(void) {
  char memory[4096];
  cw_stack stack = 99, other = 99;
  cw_green green;
  CHECK_STATUS(cw_enter(NULL, NULL), CW_E_INVALID);
  CHECK(cw_post(NULL, NULL) == CW_E_INVALID);
  bad_calls_out();
  CHECK_STATUS(cw_enter(bad_calls_of_a_green_thread, NULL), CW_OK);
  CHECK_STATUS(cw_green_spawn(bad_calls_of_a_green_thread, NULL, NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
  CHECK_STATUS(cw_stack_declare(NULL, sizeof memory, &stack), CW_E_INVALID);
  CHECK_STATUS(cw_stack_declare(memory, 0, &stack), CW_E_INVALID);
  CHECK_STATUS(cw_stack_declare(memory, SIZE_MAX, &stack), CW_E_INVALID);
  CHECK_STATUS(cw_stack_declare(memory, sizeof memory, NULL), CW_E_INVALID);
  CHECK(stack == 99);
  CHECK_STATUS(cw_stack_declare(memory, sizeof memory, &stack), CW_OK);
  CHECK_STATUS(cw_stack_declare(memory, sizeof memory, &other), CW_E_DUPLICATE);
  CHECK_STATUS(cw_stack_declare(memory + 2048, sizeof memory, &other), CW_E_DUPLICATE);
  CHECK(other == 99);
  CHECK_STATUS(cw_event_set(stack), CW_E_TYPE);
  CHECK_STATUS(cw_stack_undeclare(stack), CW_OK);
  CHECK_STATUS(cw_stack_undeclare(stack), CW_E_STALE);
  CHECK_STATUS(cw_stack_undeclare(0), CW_E_HANDLE);
  CHECK_STATUS(cw_stack_undeclare(42), CW_E_HANDLE);
  CHECK_STATUS(cw_stack_declare(memory, sizeof memory, &stack), CW_OK); /* free again */
  CHECK_STATUS(cw_stack_undeclare(stack), CW_OK);
}

/* --- attached threads ---------------------------------------------------------------------------------------------- */

static void detach_inside(void *arg) {
  (void)arg;
  CHECK_STATUS(cw_thread_detach(), CW_E_STATE); /* the call that led here is in progress */
}

static void calls_detach(void *arg) { CHECK_STATUS(cw_call(CW_QUICK, detach_inside, arg), CW_OK); }

static void *attaches(void *arg) {
  const uint64_t before = stats().foreign_threads;
  CHECK_STATUS(cw_thread_detach(), CW_E_STATE);
  CHECK_STATUS(cw_thread_attach(), CW_OK);
  CHECK(stats().foreign_threads == before + 1);
  CHECK_STATUS(cw_thread_attach(), CW_OK);
  CHECK(stats().foreign_threads == before + 1);
  CHECK_STATUS(cw_thread_detach(), CW_OK);
  CHECK(stats().foreign_threads == before + 1);
  CHECK_STATUS(cw_enter(calls_detach, NULL), CW_OK);
  CHECK_STATUS(cw_thread_detach(), CW_OK);
  CHECK(stats().foreign_threads == before);
  CHECK_STATUS(cw_thread_detach(), CW_E_STATE);
  CHECK_STATUS(cw_enter(nothing, NULL), CW_OK); /* binds it again */
  CHECK(stats().foreign_threads == before + 1);
  CHECK_STATUS(cw_thread_attach(), CW_OK);
  return arg; /* and leaves it so: the end of the thread gives it back */
}

/* --- posts ----------------------------------------------------------------------------------------------------------- */

static atomic_int posted;

static void on_post(void *arg) {
  CHECK(cw_on_green() == 1 && cw_green_id() != 0);
  CHECK_STATUS(cw_green_yield(), CW_OK);
  posted += *(int *)arg;
}

static void posts_from_green(void *arg) { CHECK_STATUS(cw_post(on_post, arg), CW_OK); }

static void posts(void) {
  static int one = 1;
  cw_green green;
  for (int i = 0; i < 1000; ++i) CHECK_STATUS(cw_post(on_post, &one), CW_OK);
  CHECK_STATUS(cw_enter(posts_from_green, &one), CW_OK);
  CHECK_STATUS(cw_green_spawn(posts_from_green, &one, NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
}

static void without_a_runtime(void) {
  int calls = 0;
  CHECK(cw_post(nothing, NULL) == CW_E_NOT_READY); /* a post starts none */
  CHECK_STATUS(cw_call(CW_QUICK, leaf, &calls), CW_OK);
  CHECK_STATUS(cw_call(CW_LEAF, leaf, &calls), CW_OK);
  CHECK_STATUS(cw_call(CW_BLOCKING, leaf, &calls), CW_OK);
  CHECK(calls == 3); /* elsewhere than on a green thread: plain calls */
}

int main(void) {
  int leaves = 0;
  without_a_runtime();
  for (int start = 0; start < 3; ++start) {
    CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
    in_and_out(NULL);
    on_a_thread(in_and_out, NULL);
    cw_green green;
    CHECK_STATUS(cw_green_spawn(in_a_green_thread, NULL, NULL, &green), CW_OK);
    CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
    CHECK_STATUS(cw_enter(calls_a_leaf, &leaves), CW_OK);
    counts();
    bad_arguments();
    const uint64_t bound = stats().foreign_threads;
    on_a_thread(attaches, NULL);
    CHECK(stats().foreign_threads == bound);
    posts();
    CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK); /* runs what was posted */
    CHECK(posted == 1002 * (start + 1));
    CHECK(stats().greens == 0);
    without_a_runtime();
  }
  CHECK(leaves == 3000);
  return checks_result();
}
