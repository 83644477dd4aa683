/* SPDX-License-Identifier: MIT
 *
 * What the host's own files share: the host, its threads, and its jobs. A job is what a coroutine (or a plain thread) is busy with.
 *
 *   host.c     start, stop, and the threads        pool.c     suspended coroutines, waiting for a thread
 *   job.c      what a job calls                    timing.c   nanoseconds per call
 */
#ifndef COROUTINE_HOST_INTERNAL_H
#define COROUTINE_HOST_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "host/coro.h"
#include "host/host.h"

enum { HOST_MAX_THREADS = 64 };

/* --- Jobs (job.c) -------------------------------------------------------------------------------------------- */

struct job {
  struct host *host;
  struct coro *coro; /* NULL in a plain thread */
  uint64_t number;   /* no two jobs of a process have the same */
  uint64_t calls;    /* made and not yet added to the host's */
};

/* A number of rounds, one at least; a coroutine's body. */
void job_run(void *job);

/* --- Suspended jobs (pool.c) --------------------------------------------------------------------------------- */

struct pool {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct job **waiting; /* room for all jobs; any order */
  unsigned n_waiting;
  unsigned n_alive; /* waiting, or with a thread now */
  uint64_t random;
};

int pool_init(struct pool *pool, unsigned capacity);
void pool_free(struct pool *pool);

/* A new job, or one that suspended itself again. */
void pool_add_new(struct pool *pool, struct job *job);
void pool_put_back(struct pool *pool, struct job *job);

/* One job that waits, chosen at random; if all are with other threads, the next that comes back. NULL: no job is alive any more. */
struct job *pool_take(struct pool *pool);

/* A job that was taken has ended. */
void pool_drop(struct pool *pool);

/* --- Timing (timing.c) --------------------------------------------------------------------------------------- */

/* The last measurements of one thing, of all threads of a host. */
struct timings {
  _Atomic uint32_t ps[64]; /* picoseconds; 0: none yet */
  _Atomic unsigned next;
};

double timings_median_ns(const struct timings *timings);

/* Times a burst of ticks on the caller's stack. Gives the number of calls made. */
uint64_t time_ticks(struct host *host);

/* Times ticks that come from the thread's own stack and from a coroutine's in turn. Gives the number of calls made.
 * On the thread's own stack only. */
uint64_t time_alternating(struct host *host, uint64_t rounds);

/* --- The host (host.c) --------------------------------------------------------------------------------------- */

struct host {
  const struct coro_kind *kind; /* NULL: plain threads */
  const struct host_callbacks *callbacks;
  _Atomic int stopping;

  unsigned n_threads;
  unsigned n_coroutines; /* one that has ended is replaced */
  unsigned n_joined;
  pthread_t threads[HOST_MAX_THREADS];

  struct pool pool;

  /* For people; relaxed. */
  _Atomic uint64_t calls;
  _Atomic uint64_t suspended_now;
  _Atomic uint64_t suspended;
  _Atomic uint64_t moved;
  _Atomic uint64_t stacks;
  struct timings call_timings;
  struct timings alternating_timings; /* a switch there and back, and two ticks */
  struct timings switch_timings;      /* a switch there and back */
};

/* The job that the calling thread runs now, and the thread's own number; NULL and 0 in a thread that is not a host's.
 * Asked anew after each switch: the answer may be another one, and the compiler must not keep it. */
struct job *host_current_job(void);
uint64_t host_current_thread(void);

static inline int host_stopping(struct host *host) { return atomic_load_explicit(&host->stopping, memory_order_relaxed); }

static inline void host_count(_Atomic uint64_t *counter, uint64_t n) { atomic_fetch_add_explicit(counter, n, memory_order_relaxed); }

#endif
