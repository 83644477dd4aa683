/* SPDX-License-Identifier: MIT
 *
 * The second part of stackswitch: coroutines that suspend inside nested callbacks, each of which has called C again. They return in every
 * order, after the callback that they are nested in has returned, and on another thread than the one that they began on.
 *
 * Risk: what belongs to one of them is kept where another one writes, is put back in the order of the calls, or is looked for on the thread. */
#include <stdlib.h>

#include "host_stack.h"
#include "locals.h"
#include "stackswitch.h"

enum { COROUTINES = 3, DEPTH = 3, STACK = 256 * 1024 };

struct nested {
  host_stack stack;
  char *memory;
  unsigned seed;
  unsigned level;
  unsigned returned; /* callbacks that came to their end */
};

static void nested_callback(void *arg);

/* C, called by a callback: further down it is called back again, and at the end of it it suspends. */
static void nested_c(void *arg) {
  struct nested *const n = arg;
  volatile unsigned char locals[LOCALS];
  const unsigned mine = n->seed * 16 + n->level;
  locals_fill(locals, mine);
  if (n->level < DEPTH) {
    CHECK_STATUS(cw_enter(nested_callback, n), CW_OK);
    host_stack_suspend(&n->stack); /* and once on the way back, with other callbacks still below */
  } else {
    host_stack_suspend(&n->stack);
  }
  CHECK(cw_on_green() == 0);
  CHECK(locals_intact(locals, mine));
}

static void nested_callback(void *arg) {
  struct nested *const n = arg;
  volatile unsigned char locals[LOCALS];
  const unsigned level = ++n->level;
  const unsigned mine = n->seed * 16 + 8 + level;
  const uint64_t id = cw_green_id();
  locals_fill(locals, mine);
  CHECK(cw_on_green() == 1);
  CHECK_STATUS(cw_call(CW_QUICK, nested_c, n), CW_OK);
  CHECK(cw_on_green() == 1);
  CHECK(cw_green_id() == id);
  CHECK_STATUS(cw_green_yield(), CW_OK);
  CHECK(locals_intact(locals, mine));
  ++n->returned;
}

static void nested_body(host_stack *self) {
  CHECK_STATUS(cw_enter(nested_callback, self->arg), CW_OK);
  CHECK(cw_on_green() == 0);
}

static void nested_start(struct nested *n, unsigned seed) {
  memset(n, 0, sizeof *n);
  n->seed = seed;
  n->memory = malloc(STACK);
  host_stack_init(&n->stack, n->memory, STACK, nested_body, n);
  host_stack_resume(&n->stack);
  CHECK(!n->stack.done && n->level == DEPTH);
}

static void *nested_finish(void *arg) {
  struct nested *const n = arg;
  for (int i = 0; i < DEPTH; ++i) {
    CHECK(!n->stack.done);
    host_stack_resume(&n->stack);
  }
  CHECK(n->stack.done && n->returned == DEPTH);
  host_stack_end(&n->stack);
  free(n->memory);
  return NULL;
}

static const int kOrders[6][COROUTINES] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

/* One of them runs to its end at a time; then all of them step by step. */
static void *out_of_order(void *arg) {
  static __thread struct nested all[COROUTINES];
  unsigned calls = 0;
  for (int order = 0; order < 6; ++order) {
    for (unsigned i = 0; i < COROUTINES; ++i) nested_start(&all[i], i + 1);
    call(&calls);
    for (int i = 0; i < COROUTINES; ++i) {
      nested_finish(&all[kOrders[order][i]]);
      call(&calls);
    }
    for (unsigned i = 0; i < COROUTINES; ++i) nested_start(&all[i], i + 4);
    for (int step = 0; step < DEPTH; ++step)
      for (int i = 0; i < COROUTINES; ++i) host_stack_resume(&all[kOrders[(order + step) % 6][i]].stack);
    for (int i = 0; i < COROUTINES; ++i) {
      CHECK(all[i].stack.done && all[i].returned == DEPTH);
      host_stack_end(&all[i].stack);
      free(all[i].memory);
    }
  }
  return arg;
}

/* The coroutine begins inside a callback, as a call nested in it, and ends when that callback is long over. */
static void start_in_c(void *arg) { nested_start(arg, 9); }
static void start_in_a_callback(void *arg) { CHECK_STATUS(cw_call(CW_QUICK, start_in_c, arg), CW_OK); }

static void *outer_returns_first(void *arg) {
  struct nested n;
  unsigned calls = 0;
  for (int round = 0; round < 20; ++round) {
    CHECK_STATUS(cw_enter(start_in_a_callback, &n), CW_OK);
    call(&calls);
    nested_finish(&n);
    call(&calls);
  }
  return arg;
}

static void *only_start(void *arg) {
  nested_start(arg, 11);
  return NULL;
}

static void *only_start_in_a_callback(void *arg) {
  CHECK_STATUS(cw_enter(start_in_a_callback, arg), CW_OK);
  return NULL;
}

/* Begun here and ended there, also when the thread that began it is gone. */
static void other_threads_go_on(void) {
  struct nested n;
  unsigned calls = 0;
  for (int round = 0; round < 20; ++round) {
    nested_start(&n, 12);
    on_a_thread(nested_finish, &n);
    on_a_thread(only_start, &n);
    nested_finish(&n);
    on_a_thread(only_start, &n);
    on_a_thread(nested_finish, &n);
    on_a_thread(only_start_in_a_callback, &n);
    on_a_thread(nested_finish, &n);
    call(&calls);
  }
}

/* Each step on another thread than the one before. */
static void *one_step(void *arg) {
  host_stack_resume(&((struct nested *)arg)->stack);
  return NULL;
}

static void each_step_on_another_thread(void) {
  struct nested n;
  unsigned calls = 0;
  for (int round = 0; round < 10; ++round) {
    on_a_thread(only_start, &n);
    for (int i = 0; i < DEPTH; ++i) {
      CHECK(!n.stack.done);
      if (i % 2 == round % 2) on_a_thread(one_step, &n);
      else one_step(&n);
      call(&calls);
    }
    CHECK(n.stack.done && n.returned == DEPTH);
    host_stack_end(&n.stack);
    free(n.memory);
  }
}

int suspended_inside_callbacks(void) {
  on_thread_and_main(out_of_order);
  on_thread_and_main(outer_returns_first);
  other_threads_go_on();
  each_step_on_another_thread();
  return checks_failed;
}
