/* SPDX-License-Identifier: MIT
 *
 * A program that knows nothing of the library loads a module that uses it: loaded, used, stopped, unloaded, again and again, in a process whose
 * threads go on and end later (FAULTS 84; DL-10, LM-11); two modules that each start and
 * stop; a callback's code pointer that is called when its module is gone.
 *
 *   module <the module> <the same under another name> <one in C++ that gives away a callback's code pointer>
 *
 * Risk: a thread, map, descriptor, pthread key, handler or memory that each cycle leaves behind; a destructor of a thread that ends after the unloading
 * and finds nothing at its address; one module that takes the runtime away under the other. */
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mapped.h"
#include "module_library.h"
#include "sanitizers.h"

static int checks_failed;
#define CHECK(condition) ((condition) ? (void)0 : (void)(++checks_failed, printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition)))

static int count_lines(const char *path) {
  int n = 0;
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  for (int c; (c = fgetc(file)) != EOF;) n += c == '\n';
  fclose(file);
  return n;
}

static int count_entries(const char *path) {
  int n = 0;
  DIR *folder = opendir(path);
  if (folder == NULL) return -1;
  while (readdir(folder) != NULL) ++n;
  closedir(folder);
  return n;
}

static int free_keys(void) {
  enum { kMost = 2048 };
  static pthread_key_t keys[kMost];
  int n = 0;
  while (n < kMost && pthread_key_create(&keys[n], NULL) == 0) ++n;
  for (int i = 0; i < n; ++i) pthread_key_delete(keys[i]);
  return n;
}

static int handlers(void) {
  int n = 0;
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action;
    if (sigaction(signal, NULL, &action) == 0 && action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) ++n;
  }
  return n;
}

struct left {
  int threads, maps, descriptors, keys, handlers;
  size_t heap;
};

/* Threads that were joined leave the kernel's list a little later. */
static struct left look(int threads) {
  struct left left = {0, 0, 0, 0, 0, 0};
  for (int i = 0; i < 5000; ++i) {
    left.threads = count_entries("/proc/self/task");
    if (left.threads <= threads) break;
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  left.maps = count_lines("/proc/self/maps");
  left.descriptors = count_entries("/proc/self/fd");
  left.keys = free_keys();
  left.handlers = handlers();
#if !SANITIZED
  left.heap = mallinfo2().uordblks;
#endif
  return left;
}

/* --- the host's threads: each calls in once per cycle, and all end when the module is long gone ---------------------------- */

enum { kThreads = 4 };
static sem_t go[kThreads], done;
static int (*call)(void); /* null: end */

static void wait_on(sem_t *sem) {
  while (sem_wait(sem) != 0) continue;
}

static void *host(void *arg) {
  sem_t *mine = arg;
  for (;;) {
    wait_on(mine);
    if (call == NULL) return NULL;
    CHECK(call() == 1);
    sem_post(&done);
  }
}

static const struct module_functions *open_module(const char *path, void **handle) {
  module_entry *entry = NULL;
  *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (*handle == NULL) {
    printf("%s\n", dlerror());
    exit(1);
  }
  void *const symbol = dlsym(*handle, "module_functions");
  memcpy(&entry, &symbol, sizeof entry);
  return entry();
}

static void use(const struct module_functions *module) {
  CHECK(module->begin() == 0);
  CHECK(module->call_in() == 1);
  call = module->call_in;
  for (int i = 0; i < kThreads; ++i) sem_post(&go[i]);
  for (int i = 0; i < kThreads; ++i) wait_on(&done);
  CHECK(module->run_greens() == 8);
}

static void cycle(const char *path) {
  void *handle;
  const struct module_functions *module = open_module(path, &handle);
  use(module);
  CHECK(module->end() == 0);
  CHECK(dlclose(handle) == 0);
}

static void cycles(const char *path) {
  const int emulated = getenv("CAUSEWAY_TEST_FEW") != NULL || getenv("CAUSEWAY_EXE_WRAPPER") != NULL;
  const int rounds = SANITIZED || emulated ? 200 : 1000;
  pthread_t threads[kThreads];
  sem_init(&done, 0, 0);
  for (int i = 0; i < kThreads; ++i) {
    sem_init(&go[i], 0, 0);
    CHECK(pthread_create(&threads[i], NULL, host, &go[i]) == 0);
  }
  const struct left never = look(kThreads + 1 + 2);
  cycle(path);
  const struct left first = look(never.threads);
  CHECK(first.threads == never.threads && first.descriptors == never.descriptors && first.handlers == never.handlers);
  CHECK(first.keys >= never.keys - 1);
  for (int i = 0; i < 20; ++i) cycle(path); /* the C library keeps some memory of ended threads */
  const struct left warm = look(first.threads);
  for (int i = 0; i < rounds; ++i) cycle(path);
  const struct left last = look(first.threads);
  CHECK(last.threads == first.threads && last.descriptors == first.descriptors && last.handlers == first.handlers);
  CHECK(last.keys == first.keys);
  if (!SANITIZED) CHECK(last.maps <= warm.maps + 4); /* an arena of malloc more or less; sanitizers map their shadow as they go */
  CHECK(last.heap <= warm.heap + 16384);
  if (checks_failed != 0)
    printf("threads %d %d, maps %d %d %d, descriptors %d %d, keys %d %d %d, heap %zu %zu %zu\n", first.threads, last.threads, first.maps,
           warm.maps, last.maps, first.descriptors, last.descriptors, never.keys, first.keys, last.keys, first.heap, warm.heap, last.heap);
  call = NULL;
  for (int i = 0; i < kThreads; ++i) sem_post(&go[i]);
  for (int i = 0; i < kThreads; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* --- two modules that share the library ---------------------------------------------------------------------------------------- */

static void two_modules(const char *one, const char *other) {
  void *handles[2];
  const struct module_functions *a = open_module(one, &handles[0]), *b = open_module(other, &handles[1]);
  CHECK(a != b);
  CHECK(a->begin() == 0 && b->begin() == 0);
  CHECK(a->run_greens() == 8 && b->run_greens() == 8 && a->call_other(b->call_in) == 1);
  CHECK(a->end() == 0);
  CHECK(dlclose(handles[0]) == 0);
  CHECK(b->run_greens() == 8 && b->call_in() == 1 && b->stop_the_world() == 1); /* it is still there */
  CHECK(b->end() == 0);
  CHECK(b->no_start() == 0);
  CHECK(b->status_of_enter() != 0 && b->last_error()[0] != '\0');
  CHECK(dlclose(handles[1]) == 0);
}

/* --- a code pointer that the host keeps for longer than the module ------------------------------------------------------------------ */

typedef int callback_fn(int);
typedef callback_fn *begin_fn(void);
typedef int end_fn(void);

static void kept_pointer(const char *path) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  begin_fn *begin = NULL;
  end_fn *end = NULL;
  CHECK(handle != NULL);
  if (handle == NULL) return;
  void *symbol = dlsym(handle, "module_callback_begin");
  memcpy(&begin, &symbol, sizeof begin);
  symbol = dlsym(handle, "module_callback_end");
  memcpy(&end, &symbol, sizeof end);
  callback_fn *callback = begin();
  CHECK(callback != NULL && callback(1) == 2);
  CHECK(end() == 0);
  CHECK(callback(1) == -7);
  CHECK(dlclose(handle) == 0);
  if (!SANITIZED) CHECK(is_mapped(path) == 0); /* they may keep what they know of it */
  CHECK(callback(1) == -7 && callback(2) == -7);
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  void *nothing = dlopen("/nowhere/of-this-name.so", RTLD_NOW); /* a module that cannot be loaded is an answer: LM-11 */
  CHECK(nothing == NULL && dlerror() != NULL);
  cycles(argv[1]);
  if (!SANITIZED) CHECK(is_mapped(argv[1]) == 0);
  two_modules(argv[1], argv[2]);
  kept_pointer(argv[3]);
  if (checks_failed != 0) printf("%d checks failed\n", checks_failed);
  return checks_failed != 0;
}
