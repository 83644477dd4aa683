/* SPDX-License-Identifier: MIT
 *
 * Callbacks from a thread that changes its stack between them: its own, then two of ucontext, by turns, on a thread and on the main thread
 * (TestStackSwitchCallback); stacks that are freed and whose addresses another thread gets. The rest of it is stackswitch_suspended.c:
 * coroutines that suspend inside nested callbacks.
 *
 * Risk: the bounds of the stack of an earlier call are taken for those of this one. 64 KiB: twice what is guessed below a stack pointer, and
 * one of the calls comes from 40 KiB further down, so that no guess about one call covers the others. The second stack is allocated before
 * the first one is freed, so that its addresses are others. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "check.h"
#include "host_stack.h"
#include "locals.h"
#include "stackswitch.h"

enum { STACK = 64 * 1024, DEEP = 40 * 1024 };

static cw_channel requests, replies;

/* Answers each number with the next one, so that the callbacks have somebody to wait for. */
static void answer(void *arg) {
  uint64_t item;
  (void)arg;
  while (cw_channel_receive(requests, &item, CW_FOREVER) == CW_OK) {
    ++item;
    if (cw_channel_send(replies, &item, CW_FOREVER) != CW_OK) return;
  }
}

/* --- one call, from whatever stack it comes ------------------------------------------------------------------- */

static void in_c(void *arg) {
  volatile unsigned char locals[LOCALS];
  locals_fill(locals, 5);
  CHECK(cw_on_green() == 0);
  ++*(unsigned *)arg;
  CHECK(locals_intact(locals, 5));
}

static void callback(void *arg) {
  unsigned *const calls = arg;
  volatile unsigned char locals[LOCALS];
  const unsigned seed = *calls;
  uint64_t item = seed;
  locals_fill(locals, seed);
  CHECK(cw_on_green() == 1);
  CHECK_STATUS(cw_channel_send(requests, &item, LONG_TIME), CW_OK); /* parks: there is no room in between */
  CHECK_STATUS(cw_channel_receive(replies, &item, LONG_TIME), CW_OK);
  CHECK(item == seed + UINT64_C(1));
  CHECK_STATUS(cw_call(CW_QUICK, in_c, calls), CW_OK);
  CHECK_STATUS(cw_green_yield(), CW_OK);
  CHECK(locals_intact(locals, seed));
}

void call(unsigned *calls) {
  const unsigned before = *calls;
  CHECK_STATUS(cw_enter(callback, calls), CW_OK);
  CHECK(*calls == before + 1);
  CHECK(cw_on_green() == 0);
}

static __attribute__((noinline)) void call_from_below(unsigned *calls) {
  volatile char room[DEEP];
  room[0] = room[DEEP - 1] = 7;
  call(calls);
  CHECK(room[0] == 7 && room[DEEP - 1] == 7);
}

/* --- the thread's own stack and two others ---------------------------------------------------------------------- */

static void once(host_stack *self) {
  call(self->arg);
  call_from_below(self->arg);
  call(self->arg);
}

static void again_and_again(host_stack *self) {
  for (;;) {
    call(self->arg);
    host_stack_suspend(self);
    call_from_below(self->arg);
    host_stack_suspend(self);
  }
}

static void run_once(char *stack, unsigned *calls) {
  host_stack s;
  host_stack_init(&s, stack, STACK, once, calls);
  host_stack_resume(&s);
  CHECK(s.done);
  host_stack_end(&s);
}

static void *own_first_second(void *arg) {
  unsigned calls = 0;
  for (int round = 0; round < 60; ++round) {
    call(&calls);
    char *first = malloc(STACK);
    run_once(first, &calls);
    char *second = malloc(STACK);
    run_once(second, &calls);
    free(first);
    free(second);
  }
  CHECK(calls == 60 * 7);
  return arg;
}

static void *by_turns(void *arg) {
  unsigned calls = 0;
  char *const stacks[2] = {malloc(STACK), malloc(STACK)};
  host_stack s[2];
  for (int i = 0; i < 2; ++i) host_stack_init(&s[i], stacks[i], STACK, again_and_again, &calls);
  for (int round = 0; round < 200; ++round) {
    call(&calls);
    host_stack_resume(&s[0]);
    host_stack_resume(&s[1]);
    if (round % 3 == 0) call_from_below(&calls);
  }
  CHECK(calls == 3 * 200 + 67);
  for (int i = 0; i < 2; ++i) {
    host_stack_end(&s[i]);
    free(stacks[i]);
  }
  return arg;
}

/* --- addresses that are used again ------------------------------------------------------------------------------- */

static char *place; /* of STACK bytes, mapped only while somebody uses it */

static void map_place(void) { CHECK(mmap(place, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == place); }

static void unmap_place(void) { CHECK(mmap(place, STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == place); }

static void *visit_place(void *arg) {
  map_place();
  run_once(place, arg);
  unmap_place();
  return NULL;
}

static void *call_on_own(void *arg) {
  call(arg);
  call_from_below(arg);
  return NULL;
}

static void addresses_are_used_again(void) {
  unsigned calls = 0;
  place = mmap(NULL, STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(place != MAP_FAILED);
  for (int round = 0; round < 20; ++round) {
    call(&calls);        /* from the main thread's own stack, by turns */
    visit_place(&calls); /* this thread knows the place, and lives on */
    call(&calls);
    on_a_thread(visit_place, &calls); /* and so does one that is gone */
#if !HOST_TSAN && !HOST_ASAN          /* they keep notes of their own about a thread's stack, and about who frees it */
    pthread_t thread;
    pthread_attr_t attributes;
    map_place(); /* now it is a thread's own stack */
    CHECK(pthread_attr_init(&attributes) == 0);
    if (pthread_attr_setstack(&attributes, place, STACK) == 0) { /* some systems want larger ones */
      CHECK(pthread_create(&thread, &attributes, call_on_own, &calls) == 0);
      CHECK(pthread_join(thread, NULL) == 0);
    }
    CHECK(pthread_attr_destroy(&attributes) == 0);
    unmap_place();
#endif
    visit_place(&calls);
    call(&calls);
  }
  on_a_thread(call_on_own, &calls);
  CHECK(munmap(place, STACK) == 0);
}

int main(void) {
  cw_stats stats;
  cw_green server;
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_channel_create(sizeof(uint64_t), 0, &requests), CW_OK);
  CHECK_STATUS(cw_channel_create(sizeof(uint64_t), 0, &replies), CW_OK);
  CHECK_STATUS(cw_green_spawn(answer, NULL, NULL, &server), CW_OK);

  on_thread_and_main(own_first_second);
  on_thread_and_main(by_turns);
  addresses_are_used_again();
  CHECK(suspended_inside_callbacks() == 0);

  CHECK_STATUS(cw_channel_close(requests), CW_OK);
  CHECK_STATUS(cw_green_join(server, LONG_TIME), CW_OK);
  CHECK_STATUS(cw_channel_destroy(requests), CW_OK);
  CHECK_STATUS(cw_channel_destroy(replies), CW_OK);
  CHECK_STATUS(cw_stats_init(&stats), CW_OK);
  CHECK_STATUS(cw_runtime_stats(&stats), CW_OK);
  CHECK(stats.nested > 0 && stats.calls_in > stats.nested);
  CHECK(stats.stacks_learned > 0);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK); /* answers CW_E_BUSY if a callback were left */
  CHECK_STATUS(cw_runtime_stats(&stats), CW_OK);
  CHECK(stats.greens == 0);
  return checks_result();
}
