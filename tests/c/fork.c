/* SPDX-License-Identifier: MIT
 *
 * Children of fork() (FAULTS 79, 80): what they are told, how they start anew, and that the parent does not notice. Forked by a plain thread, inside a
 * callback, by C code that a green thread called, by a green thread itself, while another thread starts the runtime, while the world stops,
 * and under a storm of calls, spawns and handles in other threads.
 *
 * Risk: a child that hangs on a lock which a thread of the parent held, waits for a thread that it does not have, or runs on as a green thread
 * that nobody schedules. Each child ends by itself, with the number of checks that failed; one that hangs is ended by the kernel's
 * alarm. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "forking.h"

/* Its children may make threads after a fork of a process that has some. */
static int may_start;

static void count_call(void *arg) {
  CHECK(cw_on_green() == 1);
  CHECK_STATUS(cw_green_sleep(1000), CW_OK);
  ++*(int *)arg;
}

static void tiny(void *arg) { (void)arg; }
static void count_only(void *arg) { atomic_fetch_add((atomic_int *)arg, 1); }

static atomic_int in_time; /* calls in the child are answered at once */

/* Everything that needs the runtime says so. */
static void check_forked(cw_green parents, cw_event event) {
  int calls = 0;
  cw_green green = 0;
  CHECK_STATUS(cw_enter(count_call, &calls), CW_E_FORKED);
  CHECK(cw_post(count_call, &calls) == CW_E_FORKED);
  CHECK_STATUS(cw_green_spawn(count_call, &calls, NULL, &green), CW_E_FORKED);
  CHECK_STATUS(cw_green_spawn(count_call, &calls, NULL, NULL), CW_E_FORKED);
  CHECK_STATUS(cw_thread_attach(), CW_E_FORKED);
  CHECK_STATUS(cw_runtime_start(NULL), CW_E_FORKED);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_E_FORKED);
  CHECK_STATUS(cw_world_run(LONG_TIME, count_call, &calls), CW_E_FORKED);
  if (parents != 0) {
    CHECK_STATUS(cw_green_join(parents, CW_FOREVER), CW_E_FORKED);
    CHECK_STATUS(cw_green_request_stop(parents), CW_OK);
  }
  if (event != 0) CHECK_STATUS(cw_event_set(event), CW_OK);
  CHECK(cw_on_green() == 0 && cw_green_id() == 0);
  cw_stats s;
  cw_stats_init(&s);
  CHECK_STATUS(cw_runtime_stats(&s), CW_OK);
  CHECK(s.workers == 0 && s.greens == 0);
  CHECK(calls == 0);
}

/* The child has a runtime of its own. */
static void check_restart(cw_green parents) {
  int calls = 0;
  cw_green green = 0;
  cw_event event = 0;
  if (!may_start) {
    CHECK_STATUS(cw_runtime_restart_in_child(), CW_OK);
    return;
  }
  CHECK_STATUS(cw_runtime_restart_in_child(), CW_OK);
  CHECK_STATUS(cw_runtime_restart_in_child(), CW_OK); /* nothing is left to forget */
  if (parents != 0) CHECK_STATUS(cw_green_join(parents, CW_FOREVER), CW_E_STALE);
  for (int i = 0; i < 3; ++i) {
    CHECK_STATUS(cw_enter(count_call, &calls), CW_OK);
    CHECK_STATUS(cw_green_spawn(count_call, &calls, NULL, &green), CW_OK);
    CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
    CHECK(calls == 2 * (i + 1));
    CHECK_STATUS(cw_event_create(&event), CW_OK);
    CHECK_STATUS(cw_event_set(event), CW_OK);
    CHECK_STATUS(cw_event_wait(event, LONG_TIME), CW_OK);
    CHECK_STATUS(cw_event_close(event), CW_OK);
    if (i == 1) CHECK_STATUS(cw_runtime_restart_in_child(), CW_E_STATE);
    CHECK_STATUS(cw_runtime_start(NULL), CW_OK); /* takes the implicit start's reference over, or starts */
    CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  }
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_E_STATE);
}

/* --- by a plain thread ------------------------------------------------------------------------------------------- */

static cw_event never;
static void waits(void *arg) {
  (void)arg;
  cw_event_wait(never, CW_FOREVER);
}

static void by_a_plain_thread(int bound) {
  int calls = 0;
  cw_green parked = 0;
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  if (bound) CHECK_STATUS(cw_enter(count_call, &calls), CW_OK);
  CHECK_STATUS(cw_event_create(&never), CW_OK);
  CHECK_STATUS(cw_green_spawn(waits, NULL, NULL, &parked), CW_OK);
  const pid_t child = fork_now();
  if (child == 0) {
    check_forked(parked, never);
    check_forked(parked, 0);
    check_restart(parked);
    /* And its own child, which finds no runtime. */
    const pid_t grandchild = fork_now();
    if (grandchild == 0) {
      CHECK_STATUS(cw_runtime_restart_in_child(), CW_OK);
      calls = 0;
      if (may_start) CHECK_STATUS(cw_enter(count_call, &calls), CW_OK);
      end_child();
    }
    wait_for(grandchild, 0);
    end_child();
  }
  wait_for(child, 0);
  /* The parent goes on. */
  CHECK_STATUS(cw_runtime_restart_in_child(), CW_E_STATE);
  CHECK_STATUS(cw_enter(count_call, &calls), CW_OK);
  CHECK(calls == bound + 1);
  CHECK_STATUS(cw_event_set(never), CW_OK);
  CHECK_STATUS(cw_green_join(parked, LONG_TIME), CW_OK);
  CHECK_STATUS(cw_event_close(never), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

/* --- inside a callback, in its own code: exec and _exit go, a return to C too --------------------------------------- */

static pid_t forked;

static void forks_itself(void *arg) {
  (void)arg;
  int calls = 0;
  forked = fork_now();
  if (forked != 0) return;
  CHECK(cw_on_green() == 1);
  CHECK_STATUS(cw_enter(count_call, &calls), CW_E_FORKED);
  CHECK_STATUS(cw_green_spawn(count_call, &calls, NULL, NULL), CW_E_FORKED);
  CHECK_STATUS(cw_green_yield(), CW_E_FORKED);
  CHECK_STATUS(cw_green_sleep(1000), CW_E_FORKED);
  CHECK_STATUS(cw_event_wait(never, LONG_TIME), CW_E_FORKED);
  CHECK_STATUS(cw_runtime_restart_in_child(), CW_E_STATE);
  CHECK(calls == 0);
}

static void callback_forks_itself(void) {
  CHECK_STATUS(cw_event_create(&never), CW_OK);
  CHECK_STATUS(cw_enter(forks_itself, NULL), CW_OK);
  if (forked == 0) { /* back in C */
    check_forked(0, 0);
    check_restart(0);
    end_child();
  }
  wait_for(forked, 0);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  CHECK_STATUS(cw_event_close(never), CW_OK);
}

/* --- in C that a green thread called ----------------------------------------------------------------------------------- */

enum after { kStay, kRestartAndStay, kReturn, kRestartAndReturn };
static enum after after;

static void forks_in_c(void *arg) {
  (void)arg;
  forked = fork_now();
  if (forked != 0) return;
  check_forked(0, 0);
  if (after == kRestartAndStay || after == kRestartAndReturn) check_restart(0);
  if (after == kStay || after == kRestartAndStay || checks_failed != 0) end_child();
}

static void calls_out(void *arg) {
  (void)arg;
  CHECK_STATUS(cw_call(CW_QUICK, forks_in_c, NULL), CW_OK);
}

static void nests(void *arg) {
  (void)arg;
  CHECK_STATUS(cw_enter(tiny, NULL), CW_OK);
}
/* The thread keeps more records for calls in than are in use when it forks. */
static void calls_in_below(void *arg) {
  (void)arg;
  CHECK_STATUS(cw_call(CW_QUICK, nests, NULL), CW_OK);
}

static void in_c_below(enum after what, int on_worker) {
  cw_green green = 0;
  after = what;
  fflush(stderr);
  if (on_worker) {
    CHECK_STATUS(cw_green_spawn(calls_out, NULL, NULL, &green), CW_OK);
    CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
  } else {
    CHECK_STATUS(cw_enter(calls_in_below, NULL), CW_OK);
    CHECK_STATUS(cw_enter(calls_out, NULL), CW_OK);
  }
  wait_for(forked, what == kReturn || what == kRestartAndReturn ? 70 : 0);
}

/* A green thread that forks without a call out, and goes on in the child until it ends or calls. */
static void goes_on(void *arg) {
  forked = fork_now();
  if (forked != 0) return;
  CHECK_STATUS(cw_green_sleep(1000), CW_E_FORKED);
  if (checks_failed != 0) end_child();
  if (*(int *)arg == 1) CHECK_STATUS(cw_call(CW_QUICK, count_only, &in_time), CW_OK);
  /* 0: its end */
}

static void worker_goes_on(int way) {
  cw_green green = 0;
  CHECK_STATUS(cw_green_spawn(goes_on, &way, NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
  wait_for(forked, 70);
}

/* --- after C code has jumped over a callback: what the thread keeps of it is the parent's ---------------------------------- */

static jmp_buf jump;
static void jumps(void *arg) {
  (void)arg;
  longjmp(jump, 1);
}
static void calls_jump(void *arg) {
  (void)arg;
  CHECK_STATUS(cw_call(CW_QUICK, jumps, NULL), CW_OK);
}

static void after_a_jump(void) {
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  if (setjmp(jump) == 0) CHECK_STATUS(cw_enter(calls_jump, NULL), CW_OK);
  CHECK_STATUS(cw_enter(tiny, NULL), CW_OK);
  const pid_t child = fork_now();
  if (child == 0) {
    check_restart(0);
    end_child();
  }
  wait_for(child, 0);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

/* --- while other threads do everything at once --------------------------------------------------------------------------- */

static atomic_int over, rounds[4];

static void *keeps_busy(void *arg) {
  const int way = *(int *)arg;
  while (!over) {
    cw_green green = 0;
    cw_event event = 0;
    switch (way) {
      case 0: CHECK_STATUS(cw_enter(tiny, NULL), CW_OK); break;
      case 1:
        CHECK_STATUS(cw_green_spawn(tiny, NULL, NULL, &green), CW_OK);
        CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
        break;
      case 2:
        CHECK_STATUS(cw_event_create(&event), CW_OK);
        CHECK_STATUS(cw_event_close(event), CW_OK);
        break;
      default: CHECK_STATUS(cw_world_run(LONG_TIME, tiny, NULL), CW_OK); break;
    }
    ++rounds[way];
  }
  return NULL;
}

static void under_a_storm(int forks) {
  static int ways[4] = {0, 1, 2, 3};
  pthread_t threads[4];
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  over = 0;
  for (int i = 0; i < 4; ++i) CHECK(pthread_create(&threads[i], NULL, keeps_busy, &ways[i]) == 0);
  for (int i = 0; i < 4; ++i)
    while (rounds[i] == 0) sched_yield();
  for (int n = 0; n < forks; ++n) {
    const pid_t child = fork_now();
    if (child == 0) {
      check_forked(0, 0);
      check_restart(0);
      end_child();
    }
    wait_for(child, 0);
  }
  over = 1;
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

/* --- while another thread starts and stops --------------------------------------------------------------------------------- */

static void *starts_and_stops(void *arg) {
  (void)arg;
  while (!over) {
    CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
    CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
    ++rounds[0];
  }
  return NULL;
}

static void while_another_starts(int forks) {
  pthread_t thread;
  over = rounds[0] = 0;
  CHECK(pthread_create(&thread, NULL, starts_and_stops, NULL) == 0);
  while (rounds[0] == 0) sched_yield();
  for (int n = 0; n < forks; ++n) {
    const pid_t child = fork_now();
    if (child == 0) {
      check_restart(0); /* whatever it found */
      end_child();
    }
    wait_for(child, 0);
  }
  over = 1;
  pthread_join(thread, NULL);
}

int main(void) {
  may_start = !THREAD_SANITIZER && !is_emulated();
  /* A runtime that has ended before the fork is nobody's. */
  CHECK_STATUS(cw_runtime_restart_in_child(), CW_OK);
  by_a_plain_thread(0);
  by_a_plain_thread(1);
  callback_forks_itself();
  for (int on_worker = 0; on_worker < 2; ++on_worker)
    for (int way = kStay; way <= kRestartAndReturn; ++way) in_c_below((enum after)way, on_worker);
  worker_goes_on(0);
  worker_goes_on(1);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  if (!SANITIZED) after_a_jump(); /* they take what a jump leaves on the stacks for an overflow */
  under_a_storm(10);
  while_another_starts(10);
  return checks_result();
}
