/* SPDX-License-Identifier: MIT
 *
 * Risk: a runtime that cannot be started again, a stop that forgets a reference or a green thread, options that are read past
 * their size. */
#include "check.h"

#include <stdatomic.h>

static void wait_for_ever(void *arg) {
  cw_status *status = arg;
  *status = cw_green_sleep(CW_FOREVER);
}

static void spin_until(void *arg) {
  const atomic_int *stop = arg;
  while (!*stop) cw_green_yield();
}

static void stop_here(void *arg) {
  cw_status *status = arg;
  *status = cw_runtime_stop(0);
}

static void starts_and_stops(void) {
  cw_options options;
  CHECK_STATUS(cw_runtime_stop(0), CW_E_STATE);
  CHECK_STATUS(cw_options_init(&options), CW_OK);
  CHECK(options.size == sizeof options);
  CHECK(options.stack_size == 64 * 1024);
  CHECK(options.max_threads == 10000);
  CHECK(options.implicit_start == 1);
  CHECK(options.check != NULL && options.check[0] == '\0');
  options.processors = 2;
  for (int round = 0; round < 20; ++round) {
    CHECK_STATUS(cw_runtime_start(&options), CW_OK);
    CHECK_STATUS(cw_runtime_start(NULL), CW_OK); /* one more reference */
    cw_stats stats;
    CHECK_STATUS(cw_stats_init(&stats), CW_OK);
    CHECK_STATUS(cw_runtime_stats(&stats), CW_OK);
    CHECK(stats.processors == 2);
    CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
    cw_green green;
    cw_status ended = CW_OK;
    CHECK_STATUS(cw_green_spawn(wait_for_ever, &ended, NULL, &green), CW_OK); /* still running */
    CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);                          /* ends the sleeper */
    CHECK(ended == CW_E_CANCELLED);
    CHECK_STATUS(cw_runtime_stop(0), CW_E_STATE);
    CHECK_STATUS(cw_green_join(green, 0), CW_OK); /* how it ended is known after the runtime too */
  }
}

static void says_who_is_left(void) {
  atomic_int stop = 0;
  cw_spawn_options options;
  cw_green green;
  CHECK_STATUS(cw_spawn_options_init(&options), CW_OK);
  CHECK(options.size == sizeof options);
  options.name = "stubborn";
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_green_spawn(spin_until, (void *)&stop, &options, &green), CW_OK);
  CHECK_STATUS(cw_runtime_stop(20 * 1000 * 1000), CW_E_BUSY);
  CHECK(strstr(cw_last_error(), "stubborn") != NULL);
  CHECK_STATUS(cw_runtime_start(NULL), CW_E_STOPPED);
  CHECK_STATUS(cw_green_spawn(spin_until, (void *)&stop, NULL, NULL), CW_E_STOPPED);
  stop = 1;
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  CHECK_STATUS(cw_green_detach(green), CW_OK);
}

static void not_from_inside(void) {
  cw_green green;
  cw_status status = CW_OK;
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  CHECK_STATUS(cw_green_spawn(stop_here, &status, NULL, &green), CW_OK);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
  CHECK(status == CW_E_STATE);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
}

static void names_and_texts(void) {
#define CHECK_ONE(name, value, text) \
  CHECK(name == value && strcmp(cw_status_name(name), #name) == 0 && strcmp(cw_status_text(name), text) == 0);
  CW_STATUS_LIST(CHECK_ONE)
#undef CHECK_ONE
  CHECK(cw_status_name((cw_status)9999)[0] != '\0');
  CHECK(cw_status_text((cw_status)9999)[0] != '\0');
  CHECK(strcmp(cw_version(), CW_VERSION) == 0);
}

int main(void) {
  names_and_texts();
  starts_and_stops();
  says_who_is_left();
  not_from_inside();
  return checks_result();
}
