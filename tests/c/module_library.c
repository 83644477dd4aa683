/* SPDX-License-Identifier: MIT
 *
 * A module that uses the library, for module.c and copies.c: they load it, and know of the library only through it. It is built three times: against
 * the shared library under two names, and with the archive inside. */
#include "module_library.h"

#include <causeway/causeway.h>
#include <stdatomic.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

static void add_one(void *arg) {
  cw_green_yield();
  atomic_fetch_add((atomic_int *)arg, 1);
}

static cw_status begin(void) {
  cw_options options;
  cw_status status = cw_options_init(&options);
  if (status != CW_OK) return status;
  options.processors = 2;
  return cw_runtime_start(&options);
}

/* As a host's own thread calls it. */
static int call_in(void) {
  atomic_int calls = 0;
  return cw_enter(add_one, &calls) == CW_OK ? (int)calls : -1;
}

static int run_greens(void) {
  enum { kGreens = 8 };
  cw_green greens[kGreens];
  atomic_int ran = 0;
  for (int i = 0; i < kGreens; ++i)
    if (cw_green_spawn(add_one, &ran, NULL, &greens[i]) != CW_OK) return -1;
  for (int i = 0; i < kGreens; ++i)
    if (cw_green_join(greens[i], CW_FOREVER) != CW_OK) return -1;
  return ran;
}

/* A green thread that no call of its own ends: a stop of the world must send it a signal. */
static atomic_int spins;
static void spin(void *arg) {
  atomic_fetch_add((atomic_int *)arg, 1);
  while (spins) continue;
}
static void nothing(void *arg) { (void)arg; }

static int stop_the_world(void) {
  atomic_int spinning = 0;
  cw_green green;
  int answer = -1;
  spins = 1;
  if (cw_green_spawn(spin, &spinning, NULL, &green) != CW_OK) return -1;
  while (!spinning) cw_green_yield();
  if (cw_world_run(UINT64_C(20000000000), nothing, NULL) == CW_OK) answer = 1;
  spins = 0;
  return cw_green_join(green, CW_FOREVER) == CW_OK ? answer : -1;
}

/* The fn of another module, called on a green thread of this one. */
struct crossing {
  int (*fn)(void);
  int answer;
};
static void cross(void *arg) {
  struct crossing *crossing = arg;
  crossing->answer = crossing->fn();
}
static int call_other(int (*fn)(void)) {
  struct crossing crossing = {fn, -1};
  return cw_enter(cross, &crossing) == CW_OK ? crossing.answer : -1;
}

static int end(void) { return (int)cw_runtime_stop(UINT64_C(50000000000)); }
static int begin_here(void) { return (int)begin(); }
static int no_start(void) {
  cw_options options;
  if (cw_options_init(&options) != CW_OK) return -1;
  options.implicit_start = 0;
  options.start_wait_ns = 0;
  return (int)cw_options_set_default(&options);
}
static const char *last_error(void) { return cw_last_error(); }
static int status_of_enter(void) {
  atomic_int calls = 0;
  return (int)cw_enter(add_one, &calls);
}

EXPORT const struct module_functions *module_functions(void) {
  static const struct module_functions functions = {begin_here, end,      call_in,    run_greens,     stop_the_world,
                                                    call_other, no_start, last_error, status_of_enter};
  return &functions;
}
