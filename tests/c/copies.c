/* SPDX-License-Identifier: MIT
 *
 * Two copies of the library in one process (FAULTS 9; LM-03, LM-07, LM-08): the program uses the shared one, a plug-in has the archive inside. Each has a runtime of its
 * own: start and stop in every order, both under load, a call in of the one on a green thread of the other, stops of the world, which need a signal
 * each; the plug-in is unloaded and loaded again while threads that called it go on.
 *
 *   copies <the plug-in>
 *
 * Risk: thread-locals, keys, handlers or signals of the two that collide; a plug-in that is gone when a thread ends that it knew. */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "check.h"
#include "module_library.h"

static void *handle;

static const struct module_functions *load(const char *path) {
  module_entry *entry = NULL;
  handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) {
    printf("%s\n", dlerror());
    exit(1);
  }
  void *const symbol = dlsym(handle, "module_functions");
  memcpy(&entry, &symbol, sizeof entry);
  return entry();
}

static void own_call(void *arg) {
  CHECK(cw_on_green() == 1);
  CHECK_STATUS(cw_green_yield(), CW_OK);
  ++*(int *)arg;
}

/* On a green thread of ours, a call into the other copy, and back into ours from its green thread. */
static int call_ours(void) {
  int calls = 0;
  return cw_enter(own_call, &calls) == CW_OK ? calls : -1;
}

static const struct module_functions *plug_in;

static void call_theirs(void *arg) {
  *(int *)arg = plug_in->call_in();
  if (plug_in->call_other(call_ours) != 1) *(int *)arg = -1;
}

static void call_theirs_in_c(void *arg) { CHECK_STATUS(cw_call(CW_QUICK, call_theirs, arg), CW_OK); }

static atomic_int spins, spinning;
static void spin(void *arg) {
  (void)arg;
  ++spinning;
  while (spins) continue;
}
static void nothing(void *arg) { (void)arg; }

static void both_at_work(void) {
  int answer = 0;
  CHECK_STATUS(cw_enter(call_theirs_in_c, &answer), CW_OK);
  CHECK(answer == 1);
  answer = 0;
  cw_green green;
  CHECK_STATUS(cw_green_spawn(call_theirs_in_c, &answer, NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
  CHECK(answer == 1);
  CHECK(plug_in->run_greens() == 8);
  /* Both need a signal for this. */
  spins = 1;
  spinning = 0;
  CHECK_STATUS(cw_green_spawn(spin, NULL, NULL, &green), CW_OK);
  while (!spinning) sched_yield();
  CHECK(plug_in->stop_the_world() == 1);
  CHECK_STATUS(cw_world_run(LONG_TIME, nothing, NULL), CW_OK);
  CHECK(plug_in->stop_the_world() == 1);
  spins = 0;
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
}

/* --- a thread that has called both, and ends when the plug-in was unloaded -------------------------------------------------------- */

static sem_t called, unloaded;

static void *outlives(void *arg) {
  (void)arg;
  CHECK(plug_in->call_in() == 1);
  CHECK(call_ours() == 1);
  sem_post(&called);
  while (sem_wait(&unloaded) != 0) continue;
  return NULL;
}

enum first { kOurs, kTheirs };

static void round_of(const char *path, enum first starts, enum first stops) {
  pthread_t thread;
  struct sigaction before, after;
  sigaction(SIGSEGV, NULL, &before);
  plug_in = load(path);
  for (int i = 0; i < 2; ++i) {
    if ((i == 0) == (starts == kOurs)) CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
    else CHECK(plug_in->begin() == 0);
  }
  both_at_work();
  CHECK(pthread_create(&thread, NULL, outlives, NULL) == 0);
  while (sem_wait(&called) != 0) continue;
  for (int i = 0; i < 2; ++i) {
    if ((i == 0) == (stops == kOurs)) CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
    else CHECK(plug_in->end() == 0);
    if (i == 0 && stops == kOurs) CHECK(plug_in->run_greens() == 8 && plug_in->call_in() == 1);
    if (i == 0 && stops == kTheirs) CHECK(call_ours() == 1);
  }
  CHECK(dlclose(handle) == 0);
  sem_post(&unloaded);
  CHECK(pthread_join(thread, NULL) == 0); /* its end runs the code of both */
  sigaction(SIGSEGV, NULL, &after);
  if (starts != stops) CHECK(before.sa_handler == after.sa_handler); /* last in, first out: the host's is back */
}

/* LM-08: the program's own symbols, by address. */
static void by_address(void) {
  typedef cw_status enter_fn(cw_fn fn, void *arg);
  enter_fn *enter = NULL;
  int calls = 0;
  for (int i = 0; i < 3; ++i) {
    void *const self = dlopen(NULL, RTLD_NOW);
    void *const symbol = self != NULL ? dlsym(self, "cw_enter") : NULL;
    CHECK(symbol != NULL);
    if (symbol == NULL) return;
    memcpy(&enter, &symbol, sizeof enter);
    CHECK_STATUS(enter(own_call, &calls), CW_OK);
    CHECK(dlclose(self) == 0);
    CHECK_STATUS(enter(own_call, &calls), CW_OK);
  }
  CHECK(calls == 6);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  by_address();
  sem_init(&called, 0, 0);
  sem_init(&unloaded, 0, 0);
  round_of(argv[1], kOurs, kTheirs);
  round_of(argv[1], kTheirs, kOurs);
  round_of(argv[1], kOurs, kOurs);
  round_of(argv[1], kTheirs, kTheirs);
  return checks_result();
}
