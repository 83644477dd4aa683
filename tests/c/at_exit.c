/* SPDX-License-Identifier: MIT
 *
 * Calls in while the process ends: from atexit handlers and from a destructor of the program, on the main thread and on another one that
 * calls exit(); once with the runtime still there, once after it was stopped (TestDestructorCallback).
 *
 * Risk: a hang, or a use of what exit() has already taken down. Each way is a child process of its own, whose exit status says how many of its
 * calls answered what they should; one that hangs is ended by the kernel's alarm. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int expected = CW_OK; /* of the calls below */
static int in_a_child, right;

static void callback(void *arg) {
  CHECK_STATUS(cw_green_yield(), CW_OK);
  ++*(int *)arg;
}

static void call_once(void) {
  int calls = 0;
  const cw_status status = cw_enter(callback, &calls);
  if ((int)status == expected && calls == (status == CW_OK)) ++right;
  else printf("at exit: %s, %d calls (%s)\n", cw_status_name(status), calls, cw_last_error());
}

static void handler(void) { call_once(); }

/* After all handlers: the last code of the program that runs. Ends the process by itself, to say what it found. */
__attribute__((destructor)) static void of_the_program(void) {
  if (!in_a_child) return;
  call_once();
  fflush(stdout);
  _exit(right);
}

static void *exits(void *arg) {
  call_once();
  exit(*(int *)arg);
}

static void run_child(int stop, int on_a_thread) {
  static int zero;
  in_a_child = 1;
  alarm(200);
  call_once(); /* starts the runtime */
  atexit(handler);
  atexit(handler);
  if (stop) {
    cw_options options;
    CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
    /* Without this the next call would start it anew. */
    CHECK_STATUS(cw_options_init(&options), CW_OK);
    options.implicit_start = 0;
    options.start_wait_ns = 1000000;
    CHECK_STATUS(cw_options_set_default(&options), CW_OK);
    expected = CW_E_NOT_READY;
  }
  if (on_a_thread) {
    pthread_t thread;
    pthread_create(&thread, NULL, exits, &zero);
    pthread_join(thread, NULL);
  }
  call_once();
  exit(0);
}

int main(void) {
  for (int way = 0; way < 4; ++way) {
    int status = 0;
    fflush(stdout);
    const pid_t child = fork(); /* before this process has a runtime */
    if (child == 0) run_child(way & 1, way >> 1);
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    /* One at the beginning, one before exit(), two handlers, one destructor. */
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
  }
  return checks_result();
}
