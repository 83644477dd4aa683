/* SPDX-License-Identifier: MIT
 *
 * longjmp with the check of _FORTIFY_SOURCE (meson.build sets it), which ends the process when a jump goes down the stack: jumps inside one green stack,
 * inside one C stack below a call out, and on the host's stack over callbacks.
 *
 * Risk: stack pointers that the check does not know from the thread's own stack; a jump of C over callbacks that it takes for one downwards. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#if !defined(__USE_FORTIFY_LEVEL) || __USE_FORTIFY_LEVEL < 2
#error "this program is about _FORTIFY_SOURCE"
#endif

static __attribute__((noinline)) void jump_from(jmp_buf *to, int depth) {
  volatile char room[200];
  room[0] = (char)depth;
  if (depth == 0) longjmp(*to, 1);
  if (depth > 0) jump_from(to, depth - 1);
  room[1] = room[0];
}

/* Up, from so many frames below; counts the jumps that came. */
static __attribute__((noinline)) void jumps(int *count) {
  for (volatile int depth = 0; depth < 20; ++depth) {
    jmp_buf here;
    if (setjmp(here) == 0) jump_from(&here, depth);
    else ++*count;
  }
}

/* --- the check is alive: a jump down ends the process -------------------------------------------------------------- */

static jmp_buf left;

static __attribute__((noinline)) void leaves_a_place(int depth) {
  volatile char room[200];
  room[0] = (char)depth;
  if (depth > 0) leaves_a_place(depth - 1);
  else if (setjmp(left) != 0) _exit(1);
  room[1] = room[0];
}

static void refuses_a_jump_down(void) {
  int status = 0;
  const pid_t child = fork();
  if (child == 0) {
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    close(STDERR_FILENO);
    leaves_a_place(20);
    longjmp(left, 1);
  }
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* --- inside one stack ---------------------------------------------------------------------------------------------- */

static void yields_and_jumps(int *count) {
  jumps(count);
  jmp_buf here;
  if (setjmp(here) == 0) {
    CHECK_STATUS(cw_green_yield(), CW_OK); /* on another thread from there, perhaps: the stack is the same */
    jump_from(&here, 3);
  } else {
    ++*count;
  }
}

static void in_a_callback(void *count) { yields_and_jumps(count); }

static void in_c(void *count) {
  jumps(count);
  CHECK_STATUS(cw_enter(in_a_callback, count), CW_OK);
  jumps(count);
}

static void on_a_green_stack(void *count) {
  yields_and_jumps(count);
  CHECK_STATUS(cw_call(CW_QUICK, in_c, count), CW_OK);
  CHECK_STATUS(cw_call(CW_BLOCKING, in_c, count), CW_OK);
  jumps(count);
}

static const int kEach = 21 + 2 * (20 + 21 + 20) + 20;

/* --- over callbacks ------------------------------------------------------------------------------------------------- */

static jmp_buf outside;

static void jumps_out(void *unused) {
  (void)unused;
  jump_from(&outside, 3);
}

static void calls_who_jumps(void *unused) { CHECK_STATUS(cw_call(CW_QUICK, jumps_out, unused), CW_E_STATE); /* never comes back */ }

static void c_over_callbacks(void *count) {
  for (volatile int i = 0; i < 20; ++i) {
    if (setjmp(outside) == 0) cw_enter(calls_who_jumps, NULL);
    else ++*(int *)count;
  }
}

static void *a_host(void *unused) {
  int in_one = 0, over = 0;
  CHECK_STATUS(cw_enter(on_a_green_stack, &in_one), CW_OK);
  CHECK(in_one == kEach);
  c_over_callbacks(&over);
  CHECK(over == 20);
  return unused;
}

static void green_over_callbacks(void *count) { CHECK_STATUS(cw_call(CW_QUICK, c_over_callbacks, count), CW_OK); }

int main(void) {
  if (!is_emulated()) refuses_a_jump_down();
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);

  int in_one = 0, over = 0;
  cw_green green;
  CHECK_STATUS(cw_green_spawn(on_a_green_stack, &in_one, NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
  CHECK(in_one == kEach);
  CHECK_STATUS(cw_green_spawn(green_over_callbacks, &over, NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
  CHECK(over == 20);

  pthread_t host;
  CHECK(pthread_create(&host, NULL, a_host, NULL) == 0);
  CHECK(pthread_join(host, NULL) == 0);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  return checks_result();
}
