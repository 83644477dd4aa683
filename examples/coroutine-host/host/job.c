/* SPDX-License-Identifier: MIT
 *
 * What the host's coroutines do all day: call callbacks, check what comes back, and change stacks between the calls and inside them.
 *
 * A callback that parks keeps its thread; one that suspends its coroutine (host_pause) leaves it, and the thread runs other coroutines
 * with callbacks of their own. Both leave a callback unfinished while others begin and end.
 */
#include <time.h>

#include "check.h"
#include "host/internal.h"

/* --- For callbacks ------------------------------------------------------------------------------------------- */

void host_pause(void) {
  struct job *job = host_current_job();
  if (job == NULL || job->coro == NULL) return;
  struct host *host = job->host;
  struct check_words words;
  check_fill(&words, job->number);
  const uint64_t thread = host_current_thread();

  host_count(&host->suspended, 1);
  host_count(&host->suspended_now, 1);
  coro_suspend(job->coro); /* other coroutines run, call, and suspend themselves too; then somebody continues this one */
  host_count(&host->suspended_now, (uint64_t)-1);

  if (host_current_thread() != thread) host_count(&host->moved, 1);
  check_that(host_current_job() == job, "host_pause: whoever continues a coroutine runs its job");
  check_words_of(&words, job->number, "host_pause: locals of the C function that was suspended");
}

uint64_t host_descend(const struct host_callbacks *callbacks, uint64_t depth) {
  struct check_words words;
  check_fill(&words, depth);
  const uint64_t sum = callbacks->descend(callbacks->user, depth);
  check_words_of(&words, depth, "host_descend: locals between two callbacks");
  return sum;
}

void host_fetch(void) {
  const struct timespec a_millisecond = {0, 1000000};
  nanosleep(&a_millisecond, NULL);
}

uint64_t host_answer(uint64_t n) { return n * n + 41; }

/* --- The jobs' calls ----------------------------------------------------------------------------------------- */

enum { ROUNDS = 50, BURSTS = 32, DEEPEST = 4 };

static void change_stack(struct job *job) {
  if (job->coro != NULL) coro_suspend(job->coro);
}

static void ask(struct job *job, uint64_t n) {
  const struct host_callbacks *to = job->host->callbacks;
  check_that(to->ask(to->user, n) == host_answer(n), "ask: the answer");
  job->calls++;
}

static void descend(struct job *job, uint64_t depth) {
  const uint64_t sum = host_descend(job->host->callbacks, depth);
  check_that(sum == depth * (depth + 1) / 2, "descend: the sum of the depths");
  job->calls += depth + 1;
}

static void suspend_inside(struct job *job, uint64_t n) {
  const struct host_callbacks *to = job->host->callbacks;
  check_that(to->pause(to->user, n) == ~n, "pause: the answer");
  job->calls++;
}

void job_run(void *arg) {
  struct job *job = arg;
  struct check_words words;
  check_fill(&words, job->number);
  uint64_t round = 0;
  do {
    for (int burst = 0; burst < BURSTS; burst++) job->calls += time_ticks(job->host);
    change_stack(job);
    ask(job, job->number + round);
    change_stack(job);
    descend(job, 1 + round % DEEPEST);
    suspend_inside(job, job->number + round);
    check_words_of(&words, job->number, "a job's own locals");
    host_count(&job->host->calls, job->calls);
    job->calls = 0;
  } while (++round < ROUNDS && !host_stopping(job->host));
}
