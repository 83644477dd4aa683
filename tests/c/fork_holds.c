/* SPDX-License-Identifier: MIT
 *
 * FAULTS 79: fork() while objects of handles are acquired: by another thread, by a parked green thread, by the thread that forks, and by a green thread below it.
 *
 * Risk: a child whose cw_handle_release() waits for a holder that it does not have, or that takes an object for free which its own thread
 * holds. Before and after the restart, and in a child's child. One that hangs is ended by the kernel's alarm. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "check.h"
#include "forking.h"

static int may_start; /* children may make threads after a fork of a process that has some */
static cw_event greens_turn, threads_turn;
static pid_t forked;

enum { kKind = 7 };
static cw_handle theirs, greens, own; /* held by another thread, by a parked green thread, by who forks */
static cw_handle leaving;             /* held by who forks, while a green thread waits for its release */
static atomic_int holding;

static void hold(cw_handle handle) {
  void *p = NULL;
  CHECK_STATUS(cw_handle_acquire(handle, kKind, &p), CW_OK);
  ++holding;
}

static void holds_parked(void *arg) {
  (void)arg;
  hold(greens);
  CHECK_STATUS(cw_event_wait(greens_turn, CW_FOREVER), CW_OK);
  CHECK_STATUS(cw_handle_unacquire(greens), CW_OK);
}

static void *holds_in_a_thread(void *arg) {
  (void)arg;
  hold(theirs);
  CHECK_STATUS(cw_event_wait(threads_turn, CW_FOREVER), CW_OK);
  CHECK_STATUS(cw_handle_unacquire(theirs), CW_OK);
  return NULL;
}

static void *releases_in_a_thread(void *arg) {
  (void)arg;
  ++holding;
  CHECK_STATUS(cw_handle_release(own, kKind), CW_OK);
  return NULL;
}

static void releases(void *arg) {
  (void)arg;
  CHECK_STATUS(cw_handle_release(leaving, kKind), CW_OK);
}

/* The child has what its thread held; nobody holds the rest. */
static void check_holds(int restarts) {
  void *p = NULL;
  if (restarts) CHECK_STATUS(cw_runtime_restart_in_child(), CW_OK);
  CHECK_STATUS(cw_handle_unacquire(theirs), CW_E_STATE);
  CHECK_STATUS(cw_handle_release(theirs, kKind), CW_OK);
  CHECK_STATUS(cw_handle_acquire(greens, kKind, &p), CW_OK);
  CHECK_STATUS(cw_handle_release(greens, kKind), CW_E_STATE);
  CHECK_STATUS(cw_handle_unacquire(greens), CW_OK);
  CHECK_STATUS(cw_handle_release(greens, kKind), CW_OK);
  CHECK_STATUS(cw_handle_release(own, kKind), CW_E_STATE);
  CHECK_STATUS(cw_handle_get(leaving, kKind, &p), CW_E_STALE);
  CHECK_STATUS(cw_handle_unacquire(leaving), CW_OK); /* who waits for it is not there to be told */
  if (restarts == 2) {                               /* who holds in the child is waited for there as ever */
    pthread_t thread;
    holding = 0;
    CHECK(pthread_create(&thread, NULL, releases_in_a_thread, NULL) == 0);
    while (holding == 0) sched_yield();
    while (cw_handle_get(own, kKind, &p) == CW_OK) sched_yield();
    CHECK_STATUS(cw_handle_unacquire(own), CW_OK);
    CHECK(pthread_join(thread, NULL) == 0);
    return;
  }
  CHECK_STATUS(cw_handle_unacquire(own), CW_OK);
  CHECK_STATUS(cw_handle_release(own, kKind), CW_OK);
}

static void while_others_hold(void) {
  int object = 0;
  pthread_t thread;
  void *p = NULL;
  cw_green parked = 0, releaser = 0;
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_event_create(&greens_turn), CW_OK);
  CHECK_STATUS(cw_event_create(&threads_turn), CW_OK);
  CHECK_STATUS(cw_handle_create(&object, kKind, &theirs), CW_OK);
  CHECK_STATUS(cw_handle_create(&object, kKind, &greens), CW_OK);
  CHECK_STATUS(cw_handle_create(&object, kKind, &own), CW_OK);
  holding = 0;
  CHECK_STATUS(cw_green_spawn(holds_parked, NULL, NULL, &parked), CW_OK);
  CHECK(pthread_create(&thread, NULL, holds_in_a_thread, NULL) == 0);
  hold(own);
  CHECK_STATUS(cw_handle_create(&object, kKind, &leaving), CW_OK);
  hold(leaving);
  CHECK_STATUS(cw_green_spawn(releases, NULL, NULL, &releaser), CW_OK);
  while (holding != 4) sched_yield();
  while (cw_handle_get(leaving, kKind, &p) == CW_OK) sched_yield();
  for (int restarts = 0; restarts <= (may_start ? 2 : 1); ++restarts) {
    const pid_t child = fork_now();
    if (child == 0) {
      const pid_t grandchild = fork_now(); /* by the same thread: it holds still */
      check_holds(restarts);
      if (grandchild != 0) wait_for(grandchild, 0);
      end_child();
    }
    wait_for(child, 0);
  }
  CHECK_STATUS(cw_event_set(greens_turn), CW_OK);
  CHECK_STATUS(cw_green_join(parked, LONG_TIME), CW_OK);
  CHECK_STATUS(cw_event_set(threads_turn), CW_OK);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK_STATUS(cw_handle_unacquire(leaving), CW_OK);
  CHECK_STATUS(cw_green_join(releaser, LONG_TIME), CW_OK);
  CHECK_STATUS(cw_handle_unacquire(own), CW_OK);
  CHECK_STATUS(cw_handle_release(own, kKind), CW_OK);
  CHECK_STATUS(cw_handle_release(theirs, kKind), CW_OK);
  CHECK_STATUS(cw_handle_release(greens, kKind), CW_OK);
  CHECK_STATUS(cw_event_close(greens_turn), CW_OK);
  CHECK_STATUS(cw_event_close(threads_turn), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

/* A green thread holds, and C code that it called forks: the hold is good until the restart, which ends the green thread. */
static void forks_below_a_hold(void *arg) {
  (void)arg;
  forked = fork_now();
  if (forked != 0) return;
  void *p = NULL;
  CHECK_STATUS(cw_handle_release(greens, kKind), CW_E_STATE);
  CHECK_STATUS(cw_handle_release(own, kKind), CW_E_STATE);
  CHECK_STATUS(cw_handle_acquire(own, kKind, &p), CW_OK);
  CHECK_STATUS(cw_handle_unacquire(own), CW_OK);
  CHECK_STATUS(cw_handle_unacquire(own), CW_OK);
  CHECK_STATUS(cw_handle_release(own, kKind), CW_OK);
  CHECK_STATUS(cw_runtime_restart_in_child(), CW_OK);
  CHECK_STATUS(cw_handle_release(greens, kKind), CW_OK);
  end_child();
}

static void holds_and_calls(void *arg) {
  (void)arg;
  hold(greens);
  hold(own);
  CHECK_STATUS(cw_call(CW_QUICK, forks_below_a_hold, NULL), CW_OK);
  CHECK_STATUS(cw_handle_unacquire(own), CW_OK);
  CHECK_STATUS(cw_handle_unacquire(greens), CW_OK);
  CHECK_STATUS(cw_handle_release(greens, kKind), CW_OK);
  CHECK_STATUS(cw_handle_release(own, kKind), CW_OK);
}

static void below_a_hold(void) {
  int object = 0;
  CHECK_STATUS(cw_handle_create(&object, kKind, &greens), CW_OK);
  CHECK_STATUS(cw_handle_create(&object, kKind, &own), CW_OK);
  CHECK_STATUS(cw_enter(holds_and_calls, NULL), CW_OK);
  wait_for(forked, 0);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

int main(void) {
  may_start = !THREAD_SANITIZER && !is_emulated();
  while_others_hold();
  below_a_hold();
  return checks_result();
}
