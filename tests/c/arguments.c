/* SPDX-License-Identifier: MIT
 *
 * Risk: a bad argument that crashes, is taken for good, or writes an out-parameter. One line per function and argument; the named status
 * and a text are checked (docs/design/errors.md, "the caller of a C function"). */
#include "check.h"

static void nothing(void *arg) { (void)arg; }

static const cw_green kBad[] = {0, 1, 42, UINT64_MAX, UINT64_C(0x0123456789abcdef)};

static void handles_that_never_were(void) {
  long item = 0;
  for (size_t i = 0; i < sizeof kBad / sizeof kBad[0]; ++i) {
    CHECK_STATUS(cw_green_join(kBad[i], 0), CW_E_HANDLE);
    CHECK_STATUS(cw_green_detach(kBad[i]), CW_E_HANDLE);
    CHECK_STATUS(cw_green_request_stop(kBad[i]), CW_E_HANDLE);
    CHECK_STATUS(cw_event_set(kBad[i]), CW_E_HANDLE);
    CHECK_STATUS(cw_event_wait(kBad[i], 0), CW_E_HANDLE);
    CHECK_STATUS(cw_event_close(kBad[i]), CW_E_HANDLE);
    CHECK_STATUS(cw_channel_send(kBad[i], &item, 0), CW_E_HANDLE);
    CHECK_STATUS(cw_channel_receive(kBad[i], &item, 0), CW_E_HANDLE);
    CHECK_STATUS(cw_channel_close(kBad[i]), CW_E_HANDLE);
    CHECK_STATUS(cw_channel_destroy(kBad[i]), CW_E_HANDLE);
    CHECK_STATUS(cw_function_call(kBad[i], &item, NULL), CW_E_HANDLE);
    CHECK_STATUS(cw_function_call_variadic(kBad[i], "", &item, NULL), CW_E_HANDLE);
    CHECK_STATUS(cw_function_close(kBad[i]), CW_E_HANDLE);
  }
}

static void handles_of_another_kind(void) {
  long item = 0;
  cw_event event;
  cw_channel channel;
  cw_green green;
  CHECK_STATUS(cw_event_create(&event), CW_OK);
  CHECK_STATUS(cw_channel_create(sizeof item, 1, &channel), CW_OK);
  CHECK_STATUS(cw_green_spawn(nothing, NULL, NULL, &green), CW_OK);
  CHECK_STATUS(cw_event_set(channel), CW_E_TYPE);
  CHECK_STATUS(cw_event_wait(green, 0), CW_E_TYPE);
  CHECK_STATUS(cw_event_close(channel), CW_E_TYPE);
  CHECK_STATUS(cw_channel_send(event, &item, 0), CW_E_TYPE);
  CHECK_STATUS(cw_channel_receive(green, &item, 0), CW_E_TYPE);
  CHECK_STATUS(cw_channel_close(event), CW_E_TYPE);
  CHECK_STATUS(cw_channel_destroy(event), CW_E_TYPE);
  CHECK_STATUS(cw_function_call(event, &item, NULL), CW_E_TYPE);
  CHECK_STATUS(cw_function_call_variadic(green, "", &item, NULL), CW_E_TYPE);
  CHECK_STATUS(cw_function_close(channel), CW_E_TYPE);
  CHECK_STATUS(cw_green_join(event, 0), CW_E_TYPE);
  CHECK_STATUS(cw_green_detach(channel), CW_E_TYPE);
  CHECK_STATUS(cw_green_request_stop(channel), CW_E_TYPE);
  /* All of them still work. */
  CHECK_STATUS(cw_event_close(event), CW_OK);
  CHECK_STATUS(cw_channel_destroy(channel), CW_OK);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
}

/* Numbers beside a real handle, and far from it: none may be taken for one. 10^6, as many as take well under a second. */
static void forged_handles(void) {
  cw_event event;
  CHECK_STATUS(cw_event_create(&event), CW_OK);
  uint64_t random = UINT64_C(0x9e3779b97f4a7c15);
  int taken = 0;
  for (uint64_t i = 1; i <= 500000; ++i) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    taken += cw_event_set(random) == CW_OK;
    taken += cw_event_set(event + i) == CW_OK;
  }
  for (int bit = 0; bit < 64; ++bit) taken += cw_event_set(event ^ (UINT64_C(1) << bit)) == CW_OK;
  CHECK(taken == 0);
  CHECK_STATUS(cw_event_close(event), CW_OK);
}

static void null_pointers_and_sizes(void) {
  cw_channel channel = 99;
  cw_options options;
  cw_stats stats;
  cw_spawn_options spawn;
  cw_green green = 99;
  long item = 0;
  CHECK_STATUS(cw_options_init(NULL), CW_E_INVALID);
  CHECK_STATUS(cw_stats_init(NULL), CW_E_INVALID);
  CHECK_STATUS(cw_spawn_options_init(NULL), CW_E_INVALID);
  CHECK_STATUS(cw_runtime_stats(NULL), CW_E_INVALID);
  memset(&stats, 0, sizeof stats);
  CHECK_STATUS(cw_runtime_stats(&stats), CW_E_INVALID); /* size not set */

  memset(&options, 0, sizeof options);
  CHECK_STATUS(cw_runtime_start(&options), CW_E_INVALID); /* size not set */
  CHECK_STATUS(cw_options_set_default(&options), CW_E_INVALID);
  CHECK_STATUS(cw_options_init(&options), CW_OK);
  options.stack_size = (size_t)1 << 40;
  CHECK_STATUS(cw_runtime_start(&options), CW_E_INVALID);
  CHECK(strstr(cw_last_error(), "stack_size") != NULL);
  CHECK_STATUS(cw_options_init(&options), CW_OK);
  options.stack_policy = 7;
  CHECK_STATUS(cw_runtime_start(&options), CW_E_INVALID);
  options.stack_policy = CW_STACK_ACCEPT;
  options.barrier = -1;
  CHECK_STATUS(cw_runtime_start(&options), CW_E_INVALID);

  CHECK_STATUS(cw_green_spawn(NULL, NULL, NULL, &green), CW_E_INVALID);
  CHECK_STATUS(cw_spawn_options_init(&spawn), CW_OK);
  spawn.stack_size = (size_t)2 << 20;
  CHECK_STATUS(cw_green_spawn(nothing, NULL, &spawn, &green), CW_E_INVALID);
  memset(&spawn, 0, sizeof spawn);
  CHECK_STATUS(cw_green_spawn(nothing, NULL, &spawn, &green), CW_E_INVALID);
  CHECK(green == 99); /* written on success only */

  CHECK_STATUS(cw_event_create(NULL), CW_E_INVALID);
  CHECK_STATUS(cw_channel_create(8, 0, NULL), CW_E_INVALID);
  CHECK_STATUS(cw_channel_create(0, 1, &channel), CW_E_INVALID);
  CHECK_STATUS(cw_channel_create(8, ((size_t)1 << 31) + 1, &channel), CW_E_INVALID);
  CHECK_STATUS(cw_channel_create(SIZE_MAX, 1, &channel), CW_E_INVALID);
  CHECK(channel == 99);
  CHECK_STATUS(cw_channel_create(sizeof item, 1, &channel), CW_OK);
  CHECK_STATUS(cw_channel_send(channel, NULL, 0), CW_E_INVALID);
  CHECK_STATUS(cw_channel_receive(channel, NULL, 0), CW_E_INVALID);
  CHECK_STATUS(cw_channel_destroy(channel), CW_OK);
}

/* A slot is used again and again: no old handle of it may work, and memory must not grow without end. */
static void handles_of_reused_slots(void) {
  enum { KEPT = 64 };
  cw_event old[KEPT];
  for (int round = 0; round < 200000; ++round) {
    cw_event event;
    cw_status status = cw_event_create(&event);
    if (status != CW_OK) {
      CHECK_STATUS(status, CW_OK);
      return;
    }
    old[round % KEPT] = event;
    cw_event_close(event);
  }
  for (int i = 0; i < KEPT; ++i) CHECK_STATUS(cw_event_set(old[i]), CW_E_STALE);
}

int main(void) {
  handles_that_never_were();
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  handles_that_never_were();
  handles_of_another_kind();
  forged_handles();
  null_pointers_and_sizes();
  handles_of_reused_slots();
  CHECK_STATUS(cw_error_handler_set(NULL, NULL), CW_OK);
  CHECK_STATUS(cw_log_set(NULL, NULL), CW_OK);
  CHECK_STATUS(cw_options_set_default(NULL), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  return checks_result();
}
