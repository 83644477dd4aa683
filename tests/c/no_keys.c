/* SPDX-License-Identifier: MIT
 *
 * Every pthread key of the process is taken before the runtime starts: the library has no way to notice the end of a thread, and binds each
 * for the time of a call (FAULTS 15).
 *
 * Risk: a failed pthread_key_create() that leaves key 0 in use, so that somebody else's value is overwritten or destroyed; threads that stay
 * bound for ever. */
#include <pthread.h>
#include <stdlib.h>

#include "check.h"

enum { MOST = 4096, THREADS = 50 };

static pthread_key_t keys[MOST];
static size_t count;

static void set_values(char *base) {
  for (size_t i = 0; i < count; ++i) CHECK(pthread_setspecific(keys[i], base + i) == 0);
}

static void check_values(const char *base) {
  for (size_t i = 0; i < count; ++i) CHECK(pthread_getspecific(keys[i]) == base + i);
}

static void callback(void *arg) {
  CHECK(foreign_threads() == 1);
  CHECK_STATUS(cw_green_sleep(1000), CW_OK);
  ++*(int *)arg;
}

static void in_c(void *arg) { CHECK_STATUS(cw_enter(callback, arg), CW_OK); }
static void nested(void *arg) {
  CHECK_STATUS(cw_call(CW_QUICK, in_c, arg), CW_OK);
  callback(arg);
}

static void *calls(void *arg) {
  static char base[MOST];
  int n = 0;
  set_values(base);
  CHECK_STATUS(cw_enter(callback, &n), CW_OK);
  CHECK(foreign_threads() == 0);
  CHECK_STATUS(cw_enter(nested, &n), CW_OK);
  CHECK(foreign_threads() == 0);
  CHECK(cw_thread_attach() == CW_E_LIMIT); /* it could not be kept; and a text has no place either */
  CHECK(foreign_threads() == 0);
  CHECK(n == 3);
  check_values(base);
  return arg;
}

int main(void) {
  while (count < MOST && pthread_key_create(&keys[count], NULL) == 0) ++count;
  CHECK(count > 0 && count < MOST);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  calls(NULL);
  for (int i = 0; i < THREADS; ++i) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, calls, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  for (size_t i = 0; i < count; ++i) CHECK(pthread_key_delete(keys[i]) == 0);
  return checks_result();
}
