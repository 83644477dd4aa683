/* SPDX-License-Identifier: MIT
 *
 * What the C programs share: a check that prints what was expected, and the program's result. */
#ifndef TESTS_C_CHECK_H
#define TESTS_C_CHECK_H

#include <causeway/causeway.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sanitizers.h"

static int checks_failed;

/* qemu-user ends itself when a child of a process with threads makes one, and starts no programs of its own CPU. */
static inline int is_emulated(void) { return getenv("CAUSEWAY_TEST_FEW") != NULL || getenv("CAUSEWAY_EXE_WRAPPER") != NULL; }

#define CHECK(condition) ((condition) ? (void)0 : (void)(++checks_failed, printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition)))

/* The call answers `expected`, and a failing one left a text. */
#define CHECK_STATUS(call, expected) check_status((call), (expected), #call, __FILE__, __LINE__)

static inline void check_status(cw_status got, cw_status expected, const char *call, const char *file, int line) {
  if (got != expected) {
    ++checks_failed;
    printf("%s:%d: %s is %s, not %s (%s)\n", file, line, call, cw_status_name(got), cw_status_name(expected), cw_last_error());
  } else if (got != CW_OK && cw_last_error()[0] == '\0') {
    ++checks_failed;
    printf("%s:%d: %s is %s and left no text\n", file, line, call, cw_status_name(got));
  }
}

/* How many threads are bound to the runtime. */
static inline uint64_t foreign_threads(void) {
  cw_stats s;
  CHECK_STATUS(cw_stats_init(&s), CW_OK);
  CHECK_STATUS(cw_runtime_stats(&s), CW_OK);
  return s.foreign_threads;
}

/* The last statement of main. */
static inline int checks_result(void) {
  if (checks_failed != 0) printf("%d checks failed\n", checks_failed);
  return checks_failed != 0;
}

/* A wait that is far longer than anything here takes on a loaded machine: its end is a failure, not a hang. */
#define LONG_TIME (50 * UINT64_C(1000000000))

#endif
