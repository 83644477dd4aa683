/* SPDX-License-Identifier: MIT
 *
 * The host's life: start, its threads, stop, and its numbers.
 */
#include "host/host.h"

#include <stdlib.h>

#include "check.h"
#include "host/internal.h"

/* --- Which thread am I, and what do I run? ------------------------------------------------------------------- */

static _Thread_local struct job *current_job;
static _Thread_local uint64_t current_thread;
static _Atomic uint64_t last_thread;
static _Atomic uint64_t last_job;

/* A coroutine that goes on in another thread would still use the first one's thread-locals if the compiler kept their address over the
 * switch. So they are read in functions of which it cannot know that they would give the same again. */
__attribute__((noinline)) struct job *host_current_job(void) {
  __asm__ volatile("" ::: "memory");
  return current_job;
}

__attribute__((noinline)) uint64_t host_current_thread(void) {
  __asm__ volatile("" ::: "memory");
  return current_thread;
}

/* --- Jobs ---------------------------------------------------------------------------------------------------- */

static struct job *new_job(struct host *host) {
  struct job *job = calloc(1, sizeof *job);
  if (job == NULL) return NULL;
  job->host = host;
  job->number = 1000 * (1 + atomic_fetch_add(&last_job, 1));
  if (host->kind == NULL) return job;
  job->coro = host->kind->create(job_run, job);
  if (job->coro == NULL) {
    free(job);
    return NULL;
  }
  host_count(&host->stacks, 1);
  return job;
}

static void free_job(struct job *job) {
  if (job->coro != NULL) coro_destroy(job->coro);
  free(job);
}

/* --- Threads ------------------------------------------------------------------------------------------------- */

/* Without coroutines: jobs one after another, on the thread's own stack. */
static void run_plain(struct host *host) {
  do {
    struct job *job = new_job(host);
    if (job == NULL) {
      check_that(0, "no memory for a job");
      return;
    }
    current_job = job;
    job_run(job);
    current_job = NULL;
    free_job(job);
  } while (!host_stopping(host));
}

/* With coroutines: whichever waits, a step at a time. One that has ended is replaced by a new one, whose stack is often at the address of an
 * old one. The host asks to stop: they come to their ends one by one, and none is replaced. */
static void run_coroutines(struct host *host) {
  struct job *job;
  for (uint64_t step = 0; (job = pool_take(&host->pool)) != NULL; step++) {
    current_job = job;
    const int suspended = coro_resume(job->coro);
    current_job = NULL;
    if (suspended) {
      pool_put_back(&host->pool, job);
    } else {
      free_job(job);
      job = host_stopping(host) ? NULL : new_job(host);
      check_that(job != NULL || host_stopping(host), "no memory for a coroutine");
      if (job != NULL) pool_put_back(&host->pool, job);
      else pool_drop(&host->pool);
    }
    if (step % 64 == 0) host_count(&host->calls, time_alternating(host, 2));
  }
}

static void *thread_main(void *arg) {
  struct host *host = arg;
  current_thread = 1 + atomic_fetch_add(&last_thread, 1);
  if (host->kind == NULL) run_plain(host);
  else run_coroutines(host);
  return NULL;
}

/* --- Start and stop ------------------------------------------------------------------------------------------ */

struct host *host_start(const struct coro_kind *kind, unsigned threads, unsigned coroutines_per_thread,
                        const struct host_callbacks *callbacks) {
  if (threads == 0 || threads > HOST_MAX_THREADS) return NULL;
  struct host *host = calloc(1, sizeof *host);
  const unsigned coroutines = kind != NULL ? threads * coroutines_per_thread : 0;
  if (host == NULL || !pool_init(&host->pool, coroutines + 1)) {
    free(host);
    return NULL;
  }
  host->kind = kind;
  host->callbacks = callbacks;
  host->n_coroutines = coroutines;
  int complete = 1;
  for (unsigned i = 0; complete && i < coroutines; i++) {
    struct job *job = new_job(host);
    if (job != NULL) pool_add_new(&host->pool, job);
    else complete = 0;
  }
  while (complete && host->n_threads < threads) {
    complete = pthread_create(&host->threads[host->n_threads], NULL, thread_main, host) == 0;
    if (complete) host->n_threads++;
  }
  if (complete) return host;
  host_request_stop(host);
  host_join(host);
  host_free(host);
  return NULL;
}

void host_request_stop(struct host *host) { atomic_store_explicit(&host->stopping, 1, memory_order_relaxed); }

void host_join(struct host *host) {
  for (; host->n_joined < host->n_threads; host->n_joined++) pthread_join(host->threads[host->n_joined], NULL);
}

void host_free(struct host *host) {
  while (host->pool.n_waiting > 0) free_job(host->pool.waiting[--host->pool.n_waiting]); /* only after a start that failed */
  pool_free(&host->pool);
  free(host);
}

/* --- Numbers ------------------------------------------------------------------------------------------------- */

static uint64_t read_count(const _Atomic uint64_t *counter) { return atomic_load_explicit(counter, memory_order_relaxed); }

void host_read(struct host *host, struct host_numbers *out) {
  const double switched = timings_median_ns(&host->switch_timings);
  const double alternating = timings_median_ns(&host->alternating_timings);
  *out = (struct host_numbers){
      .name = host->kind != NULL ? host->kind->name : "plain threads",
      .threads = host->n_threads,
      .coroutines = host->n_coroutines,
      .calls = read_count(&host->calls),
      .suspended_now = read_count(&host->suspended_now),
      .suspended = read_count(&host->suspended),
      .moved = read_count(&host->moved),
      .stacks = read_count(&host->stacks),
      .ns_call = timings_median_ns(&host->call_timings),
      .ns_alternating = alternating > switched ? (alternating - switched) / 2 : 0,
      .ns_switch = switched,
  };
}
