/* SPDX-License-Identifier: MIT
 *
 * A program that knows nothing of the library loads a plug-in that uses it, keeps code pointers of its callbacks, and unloads it while they are registered
 * (FAULTS 83): one owner is closed while a thread is inside, the other one by the plug-in's static destructors.
 *
 *   plug_in <the plug-in>
 *
 * Risk: a call into code that is gone; a plug-in that is unloaded under a call; a late call without a name, or under another one's. */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "mapped.h"
#include "sanitizers.h"

static int checks_failed;
#define CHECK(condition) ((condition) ? (void)0 : (void)(++checks_failed, printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition)))

typedef int callback_fn(int);
typedef int end_fn(void);

static void wait_on(sem_t *sem) {
  while (sem_wait(sem) != 0) continue;
}

static sem_t is_inside, may_return;
static callback_fn *on_row, *on_write;
static int lines_of_rows, lines_of_writes;

static int body(int x) { /* C code of the host, below the callback */
  if (x == 0) {
    sem_post(&is_inside);
    wait_on(&may_return);
  }
  return x + 1;
}

static void *calls_on_row(void *result) {
  *(int *)result = on_row(0);
  return NULL;
}

static int begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static void count_line(int level, const char *text, size_t length, void *arg) {
  (void)level, (void)length, (void)arg;
  lines_of_rows += begins(text, "callback \"on_row\" of \"reader\" was closed");
  lines_of_writes += begins(text, "callback \"on_write\" of \"writer\" was closed");
}

static void *function_of(void *handle, const char *name) {
  void *const symbol = dlsym(handle, name);
  CHECK(symbol != NULL);
  return symbol;
}

static void registrations(const char *path) {
  int (*begin)(callback_fn *, void (*)(int, const char *, size_t, void *), callback_fn **, callback_fn **) = NULL;
  end_fn *is_busy = NULL, *close_reader = NULL, *end = NULL;
  pthread_t thread;
  int result = 0;
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK(handle != NULL);
  if (handle == NULL) return;
  void *symbol = function_of(handle, "plug_in_begin");
  memcpy(&begin, &symbol, sizeof begin);
  symbol = function_of(handle, "plug_in_is_busy");
  memcpy(&is_busy, &symbol, sizeof is_busy);
  symbol = function_of(handle, "plug_in_close");
  memcpy(&close_reader, &symbol, sizeof close_reader);
  symbol = function_of(handle, "plug_in_end");
  memcpy(&end, &symbol, sizeof end);
  sem_init(&is_inside, 0, 0);
  sem_init(&may_return, 0, 0);
  CHECK(begin(body, count_line, &on_row, &on_write) == 0);
  CHECK(on_row(4) == 5 && on_write(5) == 6);
  /* Its owner is closed while a thread is inside: that goes on, and it alone. */
  CHECK(pthread_create(&thread, NULL, calls_on_row, &result) == 0);
  wait_on(&is_inside);
  CHECK(is_busy() == 1);
  CHECK(on_row(4) == -7 && on_write(5) == 6);
  sem_post(&may_return);
  CHECK(close_reader() == 0);
  CHECK(pthread_join(thread, NULL) == 0 && result == 1);
  /* on_write is open: the plug-in's static destructors close it. */
  CHECK(end() == 0);
  CHECK(dlclose(handle) == 0);
  if (!SANITIZED) CHECK(is_mapped(path) == 0);
  CHECK(on_row(4) == -7 && on_write(5) == -8 && on_write(6) == -8);
  CHECK(lines_of_rows == 1 && lines_of_writes == 1);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  registrations(argv[1]);
  if (checks_failed != 0) printf("%d checks failed\n", checks_failed);
  return checks_failed != 0;
}
