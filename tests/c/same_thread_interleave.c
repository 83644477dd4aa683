/* SPDX-License-Identifier: MIT
 *
 * Coroutines that share one place in a thread's stack: a switch copies the frames of the one that leaves to the heap, and those of the other
 * one back to where they were (as greenlets do). They suspend inside nested callbacks, and resume in random orders with a fixed seed.
 *
 * Risk: a stack pointer says nothing here about who is nested in whom, and what the library keeps in a C stack is gone while another one runs:
 * what is left of it is overwritten. The frames begin at different addresses, so that those of two coroutines never lie quite alike.
 *
 * On a thread, on the main thread, and in C that a green thread called. Not in sanitizer builds: they do not know of frames that move. */
#include <pthread.h>
#include <stdlib.h>
#include <ucontext.h>

#include "check.h"
#include "locals.h"

enum { COROUTINES = 6, LEVELS = 3, ROUNDS = 12, PLACE = 256 * 1024, COPIER_STACK = 64 * 1024, BELOW = 8 * 1024 };

/* --- the coroutines ------------------------------------------------------------------------------------------ */

struct hub;

struct sliced {
  struct hub *hub;
  ucontext_t context; /* where it goes on */
  char *base;         /* its frames lie below */
  char *copy;         /* of them, while it does not run */
  size_t size;        /* of the copy; 0: it has not begun */
  int done;
  unsigned number, calls;
};

struct hub {
  ucontext_t context, copier;
  char *copier_stack;
  char *low, *high; /* the place */
  struct sliced *leaving, *arriving;
  struct sliced all[COROUTINES];
  uint64_t random;
};

static __thread struct hub *current_hub;

static void body(struct sliced *s);

static void first(void) {
  struct sliced *const s = current_hub->arriving;
  body(s);
  s->done = 1;
  setcontext(&s->hub->context);
}

/* On a stack of its own: nobody runs in the place meanwhile. */
static void copy_frames(void) {
  struct hub *const h = current_hub;
  struct sliced *const out = h->leaving, *const in = h->arriving;
  if (out != NULL) {
    free(out->copy);
    out->copy = malloc(out->size);
    memcpy(out->copy, out->base - out->size, out->size);
  }
  memset(h->low, 0xa5, (size_t)(h->high - h->low));
  if (in == NULL) setcontext(&h->context);
  if (in->size != 0) {
    memcpy(in->base - in->size, in->copy, in->size);
  } else {
    getcontext(&in->context);
    in->context.uc_stack.ss_sp = h->low;
    in->context.uc_stack.ss_size = (size_t)(in->base - h->low);
    in->context.uc_link = NULL;
    makecontext(&in->context, first, 0);
  }
  setcontext(&in->context);
}

static void prepare_copier(struct hub *h, struct sliced *leaving, struct sliced *arriving) {
  h->leaving = leaving;
  h->arriving = arriving;
  getcontext(&h->copier);
  h->copier.uc_stack.ss_sp = h->copier_stack;
  h->copier.uc_stack.ss_size = COPIER_STACK;
  h->copier.uc_link = NULL;
  makecontext(&h->copier, copy_frames, 0);
}

static __attribute__((noinline)) void resume(struct sliced *s) {
  prepare_copier(s->hub, NULL, s);
  swapcontext(&s->hub->context, &s->hub->copier);
}

static __attribute__((noinline)) void suspend(struct sliced *s) {
  /* More than this function uses below its frame address. */
  char *const sp = (char *)__builtin_frame_address(0) - BELOW;
  if (sp < s->hub->low) abort();
  s->size = (size_t)(s->base - sp);
  prepare_copier(s->hub, s, NULL);
  swapcontext(&s->context, &s->hub->copier);
}

/* --- what they do ---------------------------------------------------------------------------------------------- */

/* In the frames of C: what a callback is given is not there while its coroutine is suspended. */
struct place_in_c {
  struct sliced *s;
  unsigned level, owner;
  volatile unsigned char locals[LOCALS];
};

static void callback(void *arg);

static void call_at(struct sliced *s, unsigned level) {
  struct place_in_c c = {.s = s, .level = level, .owner = s->number * 64 + s->calls * 8 + level};
  const unsigned owner = c.owner;
  locals_fill(c.locals, owner);
  CHECK_STATUS(cw_enter(callback, &c), CW_OK);
  CHECK(cw_on_green() == 0);
  CHECK(c.s == s && c.level == level && c.owner == owner && locals_intact(c.locals, owner));
}

static void in_c(void *arg) {
  const struct place_in_c *const c = arg;
  struct sliced *const s = c->s;
  const unsigned level = c->level;
  volatile unsigned char locals[LOCALS];
  locals_fill(locals, s->number + level);
  suspend(s);
  CHECK(c->s == s && c->level == level);
  if (level + 1 < LEVELS) {
    call_at(s, level + 1);
    suspend(s);
  }
  CHECK(cw_on_green() == 0);
  CHECK(locals_intact(locals, s->number + level));
}

static void callback(void *arg) {
  struct place_in_c *const c = arg;
  volatile unsigned char locals[LOCALS];
  const unsigned owner = c->owner + 1000;
  const uint64_t id = cw_green_id();
  ++c->s->calls;
  locals_fill(locals, owner);
  CHECK_STATUS(cw_green_yield(), CW_OK);
  CHECK_STATUS(cw_call(CW_QUICK, in_c, c), CW_OK);
  CHECK(cw_on_green() == 1 && cw_green_id() == id && id != 0);
  CHECK(c->owner + 1000 == owner && locals_intact(c->locals, c->owner));
  CHECK_STATUS(cw_green_sleep(1000), CW_OK); /* parks */
  CHECK(cw_green_id() == id);
  CHECK(locals_intact(locals, owner));
}

static void body(struct sliced *s) {
  for (unsigned round = 0; round < ROUNDS; ++round) {
    call_at(s, 0);
    suspend(s);
  }
}

/* --- the hub ---------------------------------------------------------------------------------------------------- */

static void nothing(void *arg) { ++*(int *)arg; }

static void run_all(void *arg) {
  struct hub *const h = arg;
  char place[PLACE]; /* in the stack of whoever calls */
  int own_calls = 0, steps = 0;
  current_hub = h;
  h->low = place;
  h->high = place + sizeof place;
  h->copier_stack = malloc(COPIER_STACK);
  for (unsigned i = 0; i < COROUTINES; ++i) {
    h->all[i].hub = h;
    h->all[i].number = i;
    h->all[i].base = (char *)((uintptr_t)(h->high - i * 1040) & ~(uintptr_t)63);
  }
  for (int left = COROUTINES; left > 0; ++steps) {
    h->random = h->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    struct sliced *const s = &h->all[(h->random >> 33) % COROUTINES];
    if (s->done) continue;
    resume(s);
    left -= s->done;
    if (steps % 16 == 0) CHECK_STATUS(cw_enter(nothing, &own_calls), CW_OK); /* the hub calls in itself */
  }
  CHECK(own_calls > 0);
  for (unsigned i = 0; i < COROUTINES; ++i) {
    CHECK(h->all[i].calls == ROUNDS * LEVELS);
    free(h->all[i].copy);
  }
  free(h->copier_stack);
}

static struct hub *new_hub(uint64_t seed) {
  struct hub *const h = calloc(1, sizeof *h);
  h->random = seed;
  return h;
}

static void *on_this_thread(void *arg) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    struct hub *const h = new_hub(seed);
    run_all(h);
    free(h);
  }
  return arg;
}

static void in_a_green_thread(void *arg) {
  struct hub *const h = new_hub(*(uint64_t *)arg);
  CHECK_STATUS(cw_call(CW_QUICK, run_all, h), CW_OK);
  free(h);
}

int main(void) {
  pthread_t thread;
  cw_stats stats;
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK(pthread_create(&thread, NULL, on_this_thread, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  on_this_thread(NULL);
  for (uint64_t seed = 100; seed < 104; ++seed) {
    cw_green greens[2];
    uint64_t seeds[2] = {seed, seed + 50};
    for (int i = 0; i < 2; ++i) CHECK_STATUS(cw_green_spawn(in_a_green_thread, &seeds[i], NULL, &greens[i]), CW_OK);
    for (int i = 0; i < 2; ++i) CHECK_STATUS(cw_green_join(greens[i], CW_FOREVER), CW_OK);
  }
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  CHECK_STATUS(cw_stats_init(&stats), CW_OK);
  CHECK_STATUS(cw_runtime_stats(&stats), CW_OK);
  CHECK(stats.greens == 0 && stats.records_retired == 0);
  return checks_result();
}
