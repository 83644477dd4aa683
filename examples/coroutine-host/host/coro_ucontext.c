/* SPDX-License-Identifier: MIT
 *
 * Coroutines of the C library: makecontext() and swapcontext(), on stacks from malloc(). They keep the signal mask, which costs a system call
 * per switch.
 */
#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

#include "host/coro.h"

struct ucontext_coro {
  struct coro base;
  ucontext_t inside;  /* where it goes on */
  ucontext_t outside; /* whoever resumed it */
  int ended;
  void *stack;
};

static struct ucontext_coro *own(struct coro *self) { return (struct ucontext_coro *)self; }

/* makecontext() passes ints only: the pointer travels in two halves. */
static void begin(unsigned high, unsigned low) {
  struct ucontext_coro *c = (struct ucontext_coro *)(((uintptr_t)high << 32) | low);
  c->base.body(c->base.arg);
  c->ended = 1;
  setcontext(&c->outside); /* not uc_link: the last resume may have come from another thread than the first */
}

static struct coro *create(coro_body body, void *arg) {
  struct ucontext_coro *c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  c->stack = malloc(CORO_STACK_SIZE);
  if (c->stack == NULL || getcontext(&c->inside) != 0) {
    free(c->stack);
    free(c);
    return NULL;
  }
  c->base = (struct coro){&coro_ucontext, body, arg};
  c->inside.uc_stack.ss_sp = c->stack;
  c->inside.uc_stack.ss_size = CORO_STACK_SIZE;
  const uintptr_t address = (uintptr_t)c;
  makecontext(&c->inside, (void (*)(void))begin, 2, (unsigned)(address >> 32), (unsigned)(address & UINT32_MAX));
  return &c->base;
}

static int resume(struct coro *self) {
  struct ucontext_coro *c = own(self);
  swapcontext(&c->outside, &c->inside);
  return !c->ended;
}

static void suspend(struct coro *self) {
  struct ucontext_coro *c = own(self);
  swapcontext(&c->inside, &c->outside);
}

static void destroy(struct coro *self) {
  free(own(self)->stack);
  free(self);
}

const struct coro_kind coro_ucontext = {"ucontext", create, resume, suspend, destroy};
