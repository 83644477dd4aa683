/* SPDX-License-Identifier: MIT
 *
 * Children of a test's process: made, ended with the number of checks that failed there, and waited for. One that hangs is ended by the kernel's alarm. */
#ifndef CAUSEWAY_TESTS_FORKING_H
#define CAUSEWAY_TESTS_FORKING_H

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static void end_child(void) {
  fflush(stdout);
  _exit(checks_failed > 60 ? 60 : checks_failed);
}

/* The child has ended with this status. */
static void wait_for(pid_t child, int expected) {
  int status = 0;
  CHECK(child > 0);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  const int right = WIFEXITED(status) && WEXITSTATUS(status) == expected;
  CHECK(right);
  if (!right) printf("the child's status is 0x%x, not exit %d\n", (unsigned)status, expected);
}

static pid_t fork_now(void) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    alarm(100);
    checks_failed = 0;
  }
  return child;
}

#endif
