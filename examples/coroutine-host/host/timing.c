/* SPDX-License-Identifier: MIT
 *
 * Nanoseconds per call. Each measurement is a short burst, and the median of the last ones is shown: a burst that the kernel interrupts is
 * far off, and does not move a median.
 */
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "host/internal.h"

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void timings_add(struct timings *timings, uint64_t ns, uint64_t n) {
  const uint64_t ps = ns * 1000 / n;
  const unsigned slot = atomic_fetch_add_explicit(&timings->next, 1, memory_order_relaxed) % 64;
  atomic_store_explicit(&timings->ps[slot], ps == 0 ? 1 : ps > UINT32_MAX ? UINT32_MAX : (uint32_t)ps, memory_order_relaxed);
}

static int by_size(const void *left, const void *right) {
  const uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

double timings_median_ns(const struct timings *timings) {
  uint32_t sorted[64];
  size_t n = 0;
  for (size_t i = 0; i < 64; i++) {
    const uint32_t ps = atomic_load_explicit(&timings->ps[i], memory_order_relaxed);
    if (ps != 0) sorted[n++] = ps;
  }
  if (n == 0) return 0;
  qsort(sorted, n, sizeof sorted[0], by_size);
  return sorted[n / 2] / 1e3;
}

/* --- One stack ----------------------------------------------------------------------------------------------- */

uint64_t time_ticks(struct host *host) {
  enum { TICKS = 256 };
  int (*const tick)(int) = host->callbacks->tick;
  uint64_t wrong = 0;
  const uint64_t start = now_ns();
  for (int n = 0; n < TICKS; n++) wrong += tick(n) != n + 1;
  timings_add(&host->call_timings, now_ns() - start, TICKS);
  check_many(TICKS, wrong, "tick: the answer");
  return TICKS;
}

/* --- Two stacks in turn -------------------------------------------------------------------------------------- */

/* The coroutine that takes turns with its thread. */
struct other_side {
  struct coro *coro;
  int (*tick)(int); /* NULL: only switches */
  uint64_t wrong;
  int end;
};

static void other_side_run(void *arg) {
  struct other_side *side = arg;
  for (int n = 0; !side->end; n++) {
    if (side->tick != NULL) side->wrong += side->tick(n) != n + 1;
    coro_suspend(side->coro);
  }
}

static void time_turns(struct other_side *side, int (*tick)(int), struct timings *timings) {
  enum { TURNS = 64 };
  side->tick = tick;
  const uint64_t start = now_ns();
  for (int n = 0; n < TURNS; n++) {
    if (tick != NULL) side->wrong += tick(n) != n + 1;
    coro_resume(side->coro);
  }
  timings_add(timings, now_ns() - start, TURNS);
  if (tick != NULL) check_many(2 * TURNS, side->wrong, "tick on alternating stacks: the answer");
  side->wrong = 0;
}

uint64_t time_alternating(struct host *host, uint64_t rounds) {
  struct other_side side = {NULL, NULL, 0, 0};
  side.coro = host->kind->create(other_side_run, &side);
  if (side.coro == NULL) return 0;
  host_count(&host->stacks, 1);
  for (uint64_t i = 0; i < rounds; i++) {
    time_turns(&side, NULL, &host->switch_timings);
    time_turns(&side, host->callbacks->tick, &host->alternating_timings);
  }
  side.end = 1;
  coro_resume(side.coro);
  coro_destroy(side.coro);
  return rounds * 128;
}
