/* SPDX-License-Identifier: MIT
 *
 * Signal handlers that interrupt the library while it binds a thread, and while it asks the C library for a thread's stack: a call in is
 * CW_E_ASYNC there, posts go, and the call that was interrupted is none the worse (FAULTS 29). The moments are made sure of by functions of the C
 * library that this program has itself: it raises the signal in them.
 *
 * Risk: the handler binds the thread, too, or waits for what the interrupted code holds: then the thread waits for itself. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "check.h"

enum { ROUNDS = 10 };

static _Thread_local int armed; /* this thread's next calls of the functions below are interrupted */
static int handled, refused, posted, entered, errno_lost;
static atomic_int ran;

static void on_post(void *arg) {
  (void)arg;
  ++ran;
}

static void on_enter(void *arg) {
  (void)arg;
  ++entered;
}

static void handler(int signal) {
  (void)signal;
  const int before = errno;
  ++handled;
  errno = 4711;
  posted += cw_post(on_post, NULL) == CW_OK;
  errno_lost += errno != 4711;
  refused += cw_enter(on_enter, NULL) == CW_E_ASYNC;
  refused += cw_thread_attach() == CW_E_ASYNC;
  errno = before;
}

static void interrupt(void) {
  if (!armed) return;
  armed = 0; /* not again on top of this one */
  CHECK(raise(SIGUSR1) == 0);
  armed = 1;
}

/* --- of the C library ------------------------------------------------------------------------------------------------ */

typedef int setspecific_fn(pthread_key_t key, const void *value);
typedef int getattr_fn(pthread_t thread, pthread_attr_t *attributes);

static setspecific_fn *real_setspecific;
static getattr_fn *real_getattr;

static void find_real(void *out, const char *name) {
  void *const symbol = dlsym(RTLD_NEXT, name);
  memcpy(out, &symbol, sizeof symbol); /* an object pointer is no function pointer in C11 */
}

int pthread_setspecific(pthread_key_t key, const void *value) {
  if (real_setspecific == NULL) find_real(&real_setspecific, "pthread_setspecific");
  interrupt();
  const int result = real_setspecific(key, value);
  interrupt();
  return result;
}

int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes) {
  if (real_getattr == NULL) find_real(&real_getattr, "pthread_getattr_np");
  interrupt();
  const int result = real_getattr(thread, attributes);
  interrupt();
  return result;
}

/* --- threads that call in for the first time ------------------------------------------------------------------------- */

static void callback(void *arg) {
  CHECK_STATUS(cw_green_sleep(1000), CW_OK);
  ++*(int *)arg;
}

static void *calls(void *arg) {
  int calls = 0;
  armed = 1;
  CHECK_STATUS(cw_enter(callback, &calls), CW_OK);
  CHECK_STATUS(cw_enter(callback, &calls), CW_OK);
  armed = 0;
  CHECK(calls == 2);
  return arg;
}

static void *attaches(void *arg) {
  int calls = 0;
  armed = 1;
  CHECK_STATUS(cw_thread_attach(), CW_OK);
  CHECK_STATUS(cw_enter(callback, &calls), CW_OK);
  CHECK_STATUS(cw_thread_detach(), CW_OK);
  armed = 0;
  CHECK(calls == 1);
  return arg;
}

static void run(void *(*fn)(void *)) {
  pthread_t thread;
  const int before = handled;
  CHECK(pthread_create(&thread, NULL, fn, NULL) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(handled > before); /* it does bind itself by these functions */
}

int main(void) {
  cw_stats stats;
  int own = 0;
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_enter(callback, &own), CW_OK); /* what the library makes once is there */
  CHECK(signal(SIGUSR1, handler) != SIG_ERR);
  for (int round = 0; round < ROUNDS; ++round) {
    run(calls);
    run(attaches);
  }
  CHECK(posted == handled && refused == 2 * handled);
  CHECK(entered == 0 && errno_lost == 0);
  CHECK_STATUS(cw_stats_init(&stats), CW_OK);
  CHECK_STATUS(cw_runtime_stats(&stats), CW_OK);
  CHECK(stats.foreign_threads == 1);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK); /* runs what was posted */
  CHECK(ran == posted && own == 1);
  return checks_result();
}
