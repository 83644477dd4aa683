/* SPDX-License-Identifier: MIT
 *
 * A coroutine of a C host, on ucontext: what a program does to its stacks that the library must stand. The sanitizers are told of every
 * switch. C11, and valid C++.
 *
 *   host_stack s;
 *   host_stack_init(&s, memory, size, body, arg);
 *   host_stack_resume(&s);      // runs body(&s) until it suspends or returns; from any thread, on any stack
 *   host_stack_suspend(&s);     // in the body: back to whoever resumed it last
 *   host_stack_end(&s);         // when s.done: the memory may go
 *
 * Suspended and resumed on another OS thread the body must not keep what belongs to the thread (errno's address) over a suspend. */
#ifndef TESTS_C_HOST_STACK_H
#define TESTS_C_HOST_STACK_H

#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HOST_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define HOST_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(HOST_ASAN)
#define HOST_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(HOST_TSAN)
#define HOST_TSAN 1
#endif
#if !defined(HOST_ASAN)
#define HOST_ASAN 0
#endif
#if !defined(HOST_TSAN)
#define HOST_TSAN 0
#endif

#if HOST_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if HOST_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* The notice to TSan and the switch must lie in one function that TSan does not follow, or its own stack of calls gets out of step. */
#if HOST_TSAN && defined(__clang__)
#define HOST_SWITCHES __attribute__((noinline, unused, disable_sanitizer_instrumentation))
#elif HOST_TSAN
#define HOST_SWITCHES __attribute__((noinline, unused, no_sanitize("thread")))
#else
#define HOST_SWITCHES __attribute__((noinline, unused))
#endif

typedef struct host_stack host_stack;
typedef void (*host_stack_body)(host_stack *self);

struct host_stack {
  ucontext_t context; /* where it goes on */
  ucontext_t back;    /* who resumed it last */
  host_stack_body body;
  void *arg;
  char *low;
  size_t size;
  int done;
  /* For the sanitizers. */
  const void *back_low;
  size_t back_size;
  void *fake_stack;
  void *fiber, *back_fiber;
};

/* First act after each arrival on s. */
static inline void host_stack_arrived(host_stack *s, int first) {
  (void)s, (void)first;
#if HOST_ASAN
  __sanitizer_finish_switch_fiber(first ? NULL : s->fake_stack, &s->back_low, &s->back_size);
#endif
}

/* The pointer comes in two halves: makecontext() passes int. A static variable would not do: each file of a program has its own, and C++ merges
 * their inline functions, so that the init of one file may meet the resume of another. */
HOST_SWITCHES static void host_stack_first(unsigned one, unsigned other) {
  const unsigned halves[2] = {one, other};
  host_stack *s;
  memcpy(&s, halves, sizeof s);
  host_stack_arrived(s, 1);
  s->body(s);
  s->done = 1;
#if HOST_ASAN
  __sanitizer_start_switch_fiber(NULL, s->back_low, s->back_size);
#endif
#if HOST_TSAN
  __tsan_switch_to_fiber(s->back_fiber, 0);
#endif
  setcontext(&s->back);
}

static inline void host_stack_init(host_stack *s, char *low, size_t size, host_stack_body body, void *arg) {
  /* A cast would be one of C, or one of C++. */
  const union {
    void (*two)(unsigned, unsigned);
    void (*none)(void);
  } entry = {host_stack_first};
  memset(s, 0, sizeof *s);
  s->body = body;
  s->arg = arg;
  s->low = low;
  s->size = size;
  getcontext(&s->context);
  s->context.uc_stack.ss_sp = low;
  s->context.uc_stack.ss_size = size;
  s->context.uc_link = NULL;
  unsigned halves[2];
  memcpy(halves, &s, sizeof s);
  makecontext(&s->context, entry.none, 2, halves[0], halves[1]);
#if HOST_TSAN
  s->fiber = __tsan_create_fiber(0);
#endif
}

HOST_SWITCHES static void host_stack_resume(host_stack *s) {
#if HOST_TSAN
  s->back_fiber = __tsan_get_current_fiber();
#endif
#if HOST_ASAN
  void *fake;
  __sanitizer_start_switch_fiber(&fake, s->low, s->size);
#endif
#if HOST_TSAN
  __tsan_switch_to_fiber(s->fiber, 0);
#endif
  swapcontext(&s->back, &s->context);
#if HOST_ASAN
  __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}

HOST_SWITCHES static void host_stack_suspend(host_stack *s) {
#if HOST_ASAN
  __sanitizer_start_switch_fiber(&s->fake_stack, s->back_low, s->back_size);
#endif
#if HOST_TSAN
  __tsan_switch_to_fiber(s->back_fiber, 0);
#endif
  swapcontext(&s->context, &s->back);
  host_stack_arrived(s, 0);
}

static inline void host_stack_end(host_stack *s) {
#if HOST_TSAN
  if (s->fiber != NULL) __tsan_destroy_fiber(s->fiber);
#endif
  s->fiber = NULL;
}

#endif
