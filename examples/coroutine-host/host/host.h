/* SPDX-License-Identifier: MIT
 *
 * The host: a C library that has threads and coroutines of its own, and calls its user through plain C function pointers. It stands for any
 * such library (an interpreter, a database, an event loop) and knows nothing of Causeway: no file in this folder includes its headers.
 *
 *   struct host *h = host_start(&coro_ucontext, 2, 16, &callbacks);
 *   ...                                   its threads call the callbacks, from whatever stack they are on
 *   host_request_stop(h), host_join(h), host_free(h);
 */
#ifndef COROUTINE_HOST_HOST_H
#define COROUTINE_HOST_HOST_H

#include <stdint.h>

#include "host/coro.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the host calls. Its jobs check each answer. */
struct host_callbacks {
  int (*tick)(int n);                              /* gives n + 1: the shortest call there is */
  uint64_t (*ask)(void *user, uint64_t n);         /* gives host_answer(n), and may take its time */
  uint64_t (*descend)(void *user, uint64_t depth); /* calls host_descend(depth - 1) down to 0, gives the sum of all depths */
  uint64_t (*pause)(void *user, uint64_t n);       /* calls host_pause() half way, gives ~n */
  void *user;
};

/* For callbacks. Suspends the coroutine that the caller runs on, with everything that is on it; one of the host's threads continues it later,
 * not always the same one. Does nothing where there is no coroutine. */
void host_pause(void);

/* For callbacks: calls callbacks->descend(depth) and gives its answer. */
uint64_t host_descend(const struct host_callbacks *callbacks, uint64_t depth);

/* For anybody: a C function that keeps its thread for a while, as one that waits for a disk. */
void host_fetch(void);

/* The right answer to a question. */
uint64_t host_answer(uint64_t n);

struct host;

/* Starts the threads. kind == NULL: plain threads without coroutines. *callbacks must live until host_join().
 * NULL: no memory or no thread. */
struct host *host_start(const struct coro_kind *kind, unsigned threads, unsigned coroutines_per_thread,
                        const struct host_callbacks *callbacks);

/* Asks the threads to end; they first continue every suspended coroutine to its end. Does not wait. */
void host_request_stop(struct host *host);

/* Waits for the threads; again is nothing. */
void host_join(struct host *host);
void host_free(struct host *host);

/* What happened so far. Any thread may read, at any time. */
struct host_numbers {
  const char *name;
  unsigned threads;
  unsigned coroutines;    /* kept alive */
  uint64_t calls;         /* of callbacks */
  uint64_t suspended_now; /* coroutines suspended inside a callback */
  uint64_t suspended;     /* the same, in all */
  uint64_t moved;         /* of these, continued by another thread */
  uint64_t stacks;        /* coroutines made, each with a stack of its own */
  double ns_call;         /* one tick; 0: not measured yet */
  double ns_alternating;  /* one tick while stacks alternate, the switches taken off; 0: not measured */
  double ns_switch;       /* one resume and one suspend; 0: not measured */
};
void host_read(struct host *host, struct host_numbers *out);

#ifdef __cplusplus
}
#endif

#endif
