/* SPDX-License-Identifier: MIT
 *
 * A coroutine as the host sees it: a function with a stack of its own that can be left in the middle and continued later. Three libraries
 * make them: coro_ucontext.c (the C library's), coro_context.cc (Boost.Context) and coro_coroutine2.cc (Boost.Coroutine2).
 *
 *   resume()   runs it until it suspends itself or its body returns; the thread that calls may be another one each time
 *   suspend()  inside: back to whoever resumed it, from however deep a call
 *
 * One thread at a time; whoever shares coroutines between threads hands them over under a lock (pool.c).
 */
#ifndef COROUTINE_HOST_CORO_H
#define COROUTINE_HOST_CORO_H

#ifdef __cplusplus
extern "C" {
#endif

struct coro;
typedef void (*coro_body)(void *arg);

/* One way to make coroutines. */
struct coro_kind {
  const char *name;
  struct coro *(*create)(coro_body body, void *arg); /* not begun yet; NULL: no memory */
  int (*resume)(struct coro *self);                  /* 1: it suspended itself; 0: its body has returned */
  void (*suspend)(struct coro *self);
  void (*destroy)(struct coro *self); /* its body has returned, or never began */
};

/* What all kinds keep; each appends its own. */
struct coro {
  const struct coro_kind *kind;
  coro_body body;
  void *arg;
};

static inline int coro_resume(struct coro *self) { return self->kind->resume(self); }
static inline void coro_suspend(struct coro *self) { self->kind->suspend(self); }
static inline void coro_destroy(struct coro *self) { self->kind->destroy(self); }

/* Of each coroutine's stack. No page of it is a guard: what is called on it must be modest, as in any such host. */
enum { CORO_STACK_SIZE = 64 * 1024 };

extern const struct coro_kind coro_ucontext;
extern const struct coro_kind coro_boost_context;
extern const struct coro_kind coro_boost_coroutine2;

#ifdef __cplusplus
}
#endif

#endif
