/* SPDX-License-Identifier: MIT
 *
 * Prefork hosts (FAULTS 81): a process loads the library, perhaps uses it, forks eight children, and each of them serves. And programs that green
 * threads start (FAULTS 82; FX-01 to FX-05): by fork and exec in their own code and in C, popen, system and posix_spawn, also
 * waited for under a rain of signals.
 *
 * Risk: a child that finds half of its parent's runtime; two children that are in each other's way; a program that starts with signals blocked or
 * ignored that its grandparent had not. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

extern char **environ;
static const char *self; /* this program */

enum { kChildren = 8, kCalls = 50 };

static int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- prefork ------------------------------------------------------------------------------------------------------ */

enum before { kNothing, kStopped, kRunning, kImplicit };
enum in_child { kLazily, kRestarts };

static void serve_one(void *arg) {
  CHECK_STATUS(cw_green_yield(), CW_OK);
  ++*(int *)arg;
}

static void *serves(void *arg) {
  int calls = 0;
  for (int i = 0; i < kCalls; ++i) CHECK_STATUS(cw_enter(serve_one, &calls), CW_OK);
  CHECK(calls == kCalls);
  return arg;
}

static void serve(enum in_child how) {
  pthread_t threads[2];
  if (how == kRestarts) CHECK_STATUS(cw_runtime_restart_in_child(), CW_OK);
  for (int i = 0; i < 2; ++i) CHECK(pthread_create(&threads[i], NULL, serves, NULL) == 0);
  serves(NULL);
  for (int i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

static void prefork(enum before before, enum in_child how) {
  pid_t children[kChildren];
  int calls = 0;
  if (before == kStopped || before == kRunning) CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  if (before != kNothing) CHECK_STATUS(cw_enter(serve_one, &calls), CW_OK);
  if (before == kStopped) CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  fflush(stdout);
  for (int i = 0; i < kChildren; ++i) {
    children[i] = fork();
    if (children[i] == 0) {
      alarm(100);
      checks_failed = 0;
      serve(how);
      fflush(stdout);
      _exit(checks_failed > 60 ? 60 : checks_failed);
    }
  }
  for (int i = 0; i < kChildren; ++i) CHECK(wait_for(children[i]) == 0);
  if (before == kNothing || before == kStopped) return;
  serves(NULL); /* the parent too */
  if (before == kImplicit) CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

/* --- programs ------------------------------------------------------------------------------------------------------ */

/* The program that is started: 0, when it has found no signal blocked and none ignored. */
static int program(void) {
  sigset_t blocked;
  if (sigprocmask(SIG_SETMASK, NULL, &blocked) != 0) return 1;
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    struct sigaction action;
    if (sigismember(&blocked, signal) == 1) return 2;
    if (signal != SIGKILL && signal != SIGSTOP && sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN) return 3;
  }
  return 42;
}

static void exec_self(void) {
  execl(self, self, "program", (char *)NULL);
  _exit(127);
}

static void forks_and_execs(void *arg) {
  const pid_t child = fork();
  if (child == 0) exec_self();
  *(int *)arg = wait_for(child);
}

static void vforks_and_execs(void *arg) {
  const pid_t child = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): what is tested
  if (child == 0) {
    execl(self, self, "program", (char *)NULL);
    _exit(127);
  }
  *(int *)arg = wait_for(child);
}

static void spawns(void *arg) {
  pid_t child = 0;
  char *const arguments[] = {(char *)self, (char *)"program", NULL};
  if (posix_spawn(&child, self, NULL, NULL, arguments, environ) == 0) *(int *)arg = wait_for(child);
}

static void opens_a_pipe(void *arg) {
  char line[512];
  snprintf(line, sizeof line, "'%s' program; echo $?", self);
  FILE *pipe = popen(line, "r");  // NOLINT(cert-env33-c): what is tested
  if (pipe == NULL) return;
  if (fgets(line, sizeof line, pipe) != NULL) *(int *)arg = atoi(line);  // NOLINT(cert-err34-c)
  pclose(pipe);
}

static cw_fn const ways[] = {forks_and_execs, vforks_and_execs, spawns, opens_a_pipe};
enum { kWays = sizeof ways / sizeof ways[0] };

struct start {
  cw_fn way;
  int in_c;
  int answer;
};

static void starts_a_program(void *arg) {
  struct start *start = arg;
  if (start->in_c) CHECK_STATUS(cw_call(CW_BLOCKING, start->way, &start->answer), CW_OK);
  else start->way(&start->answer);
}

static atomic_int ends;
static void *rains(void *arg) {
  while (!ends) {
    void *const module = dlopen("libm.so.6", RTLD_NOW); /* FX-03: the loader is at work meanwhile */
    kill(getpid(), SIGUSR1);
    if (module != NULL) dlclose(module);
    usleep(200);
  }
  return arg;
}

static atomic_int signals;
static void count_signal(int signal) {
  (void)signal;
  ++signals;
}

static void programs(void) {
  pthread_t rain;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = count_signal; /* without SA_RESTART: waits of the programs' parents end early */
  sigaction(SIGUSR1, &action, NULL);
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK(pthread_create(&rain, NULL, rains, NULL) == 0);
  for (int in_c = 0; in_c < 2; ++in_c)
    for (int way = 0; way < kWays; ++way) {
      struct start callback = {ways[way], in_c, -1};
      struct start green[4];
      cw_green handles[4];
      if (ways[way] == vforks_and_execs && THREAD_SANITIZER) continue;
      for (int i = 0; i < 4; ++i) {
        const struct start one = {ways[way], in_c, -1};
        green[i] = one;
        CHECK_STATUS(cw_green_spawn(starts_a_program, &green[i], NULL, &handles[i]), CW_OK);
      }
      CHECK_STATUS(cw_enter(starts_a_program, &callback), CW_OK);
      if (ways[way] != opens_a_pipe) CHECK(callback.answer == 42); /* stdio ends early by a signal, which is its right */
      for (int i = 0; i < 4; ++i) {
        CHECK_STATUS(cw_green_join(handles[i], LONG_TIME), CW_OK);
        if (ways[way] != opens_a_pipe) CHECK(green[i].answer == 42);
      }
    }
  ends = 1;
  pthread_join(rain, NULL);
  /* In peace. */
  for (int in_c = 0; in_c < 2; ++in_c) {
    struct start start = {opens_a_pipe, in_c, -1};
    CHECK_STATUS(cw_enter(starts_a_program, &start), CW_OK);
    CHECK(start.answer == 42);
  }
  /* FX-04: what the programs did with their signals is their own affair: ours still comes. */
  const int before = signals;
  CHECK(raise(SIGUSR1) == 0 && signals > before);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

/* --- exec while threads are being made (FX-01) ---------------------------------------------------------------------- */

static atomic_int computes;
static void compute(void *arg) {
  (void)arg;
  while (computes) continue;
}
static void nap(void *arg) {
  (void)arg;
  usleep(1000);
}
static void blocks(void *arg) {
  (void)arg;
  cw_call(CW_BLOCKING, nap, NULL);
}

static void exec_storm(int attempts) {
  for (int n = 0; n < attempts; ++n) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      cw_options options;
      alarm(100);
      computes = 1;
      cw_options_init(&options);
      options.processors = 8;
      if (cw_runtime_start(&options) != CW_OK) _exit(1);
      for (int i = 0; i < 4; ++i) cw_green_spawn(compute, NULL, NULL, NULL);
      for (int i = 0; i < 16; ++i) cw_green_spawn(blocks, NULL, NULL, NULL); /* each takes a new thread */
      exec_self();
    }
    CHECK(wait_for(child) == 42);
  }
}

int main(int argc, char **argv) {
  static char path[4096];
  if (argc > 1) return program();
  /* What whoever runs the tests ignores or blocks (a shell's background, nohup) is not what this one is about. */
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int each = 1; each < SIGRTMIN; ++each) {
    struct sigaction action;
    if (sigaction(each, NULL, &action) == 0 && action.sa_handler == SIG_IGN) signal(each, SIG_DFL);
  }
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  self = n > 0 ? path : argv[0];
  prefork(kNothing, kLazily);
  prefork(kNothing, kRestarts);
  if (!THREAD_SANITIZER && !is_emulated()) { /* its children may make no threads after a fork of a process that has some */
    prefork(kStopped, kLazily);
    prefork(kStopped, kRestarts);
    prefork(kRunning, kRestarts);
    prefork(kImplicit, kRestarts);
  }
  if (is_emulated()) return checks_result();
  exec_storm(getenv("CAUSEWAY_TEST_LONG") != NULL ? 1000 : 30); /* while this process has no runtime and no other thread */
  programs();
  return checks_result();
}
