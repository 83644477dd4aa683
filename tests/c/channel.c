/* SPDX-License-Identifier: MIT
 *
 * Risk: an item cut short or doubled, a waiter that a close or a destroy forgets, a handle that outlives its channel. */
#include <pthread.h>

#include "check.h"

enum { ITEMS = 2000 };

struct item { /* not a power of two, and wider than a word */
  int number;
  char text[20];
};

static void produce(void *arg) {
  const cw_channel channel = *(cw_channel *)arg;
  struct item item;
  memset(&item, 0, sizeof item);
  for (item.number = 0; item.number < ITEMS; ++item.number) {
    snprintf(item.text, sizeof item.text, "item %d", item.number);
    CHECK_STATUS(cw_channel_send(channel, &item, CW_FOREVER), CW_OK);
  }
  CHECK_STATUS(cw_channel_close(channel), CW_OK);
}

static void *produce_on_a_thread(void *arg) {
  produce(arg);
  return NULL;
}

static void consume(cw_channel channel) {
  struct item item;
  char expected[20];
  for (int i = 0; i < ITEMS; ++i) {
    CHECK_STATUS(cw_channel_receive(channel, &item, LONG_TIME), CW_OK);
    snprintf(expected, sizeof expected, "item %d", i);
    CHECK(item.number == i && strcmp(item.text, expected) == 0);
  }
  CHECK_STATUS(cw_channel_receive(channel, &item, LONG_TIME), CW_E_CLOSED);
  CHECK_STATUS(cw_channel_send(channel, &item, LONG_TIME), CW_E_CLOSED);
  CHECK_STATUS(cw_channel_close(channel), CW_E_CLOSED);
}

static void carries_items(size_t capacity) {
  cw_channel channel;
  cw_green green;
  CHECK_STATUS(cw_channel_create(sizeof(struct item), capacity, &channel), CW_OK);
  CHECK_STATUS(cw_green_spawn(produce, &channel, NULL, &green), CW_OK);
  consume(channel);
  CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
  CHECK_STATUS(cw_channel_destroy(channel), CW_OK);
  CHECK_STATUS(cw_channel_destroy(channel), CW_E_STALE);
  CHECK_STATUS(cw_channel_close(channel), CW_E_STALE);

  pthread_t thread;
  CHECK_STATUS(cw_channel_create(sizeof(struct item), capacity, &channel), CW_OK);
  CHECK(pthread_create(&thread, NULL, produce_on_a_thread, &channel) == 0);
  consume(channel);
  pthread_join(thread, NULL);
  CHECK_STATUS(cw_channel_destroy(channel), CW_OK);
}

struct waiter {
  cw_channel channel;
  cw_event begins;
  cw_status ended;
};

static void waits(void *arg) {
  struct waiter *w = arg;
  long item;
  cw_event_set(w->begins);
  w->ended = cw_channel_receive(w->channel, &item, CW_FOREVER);
}

static void waits_to_send(void *arg) {
  struct waiter *w = arg;
  const long item = 1;
  cw_event_set(w->begins);
  w->ended = cw_channel_send(w->channel, &item, LONG_TIME);
}

static void *waits_on_a_thread(void *arg) {
  waits(arg);
  return NULL;
}

static void *waits_to_send_on_a_thread(void *arg) {
  waits_to_send(arg);
  return NULL;
}

/* The same for a plain thread, with both ends. */
static void destroy_ends_waits_of_threads(void) {
  for (int round = 0; round < 100; ++round) {
    struct waiter w = {0, 0, CW_OK};
    pthread_t thread;
    CHECK_STATUS(cw_channel_create(sizeof(long), 0, &w.channel), CW_OK);
    CHECK_STATUS(cw_event_create(&w.begins), CW_OK);
    CHECK(pthread_create(&thread, NULL, round % 2 == 0 ? waits_on_a_thread : waits_to_send_on_a_thread, &w) == 0);
    CHECK_STATUS(cw_event_wait(w.begins, LONG_TIME), CW_OK);
    CHECK_STATUS(cw_channel_destroy(w.channel), CW_OK);
    pthread_join(thread, NULL);
    CHECK(w.ended == CW_E_CLOSED || w.ended == CW_E_STALE);
    CHECK_STATUS(cw_event_close(w.begins), CW_OK);
  }
}

/* Whether the destroy comes before the wait, during it or in between is up to the machine: all of them must end it. */
static void destroy_ends_waits(void) {
  for (int round = 0; round < 200; ++round) {
    struct waiter w = {0, 0, CW_OK};
    cw_green green;
    CHECK_STATUS(cw_channel_create(sizeof(long), 0, &w.channel), CW_OK);
    CHECK_STATUS(cw_event_create(&w.begins), CW_OK);
    CHECK_STATUS(cw_green_spawn(round % 2 == 0 ? waits : waits_to_send, &w, NULL, &green), CW_OK);
    CHECK_STATUS(cw_event_wait(w.begins, LONG_TIME), CW_OK);
    CHECK_STATUS(cw_channel_destroy(w.channel), CW_OK);
    CHECK_STATUS(cw_green_join(green, LONG_TIME), CW_OK);
    CHECK(w.ended == CW_E_CLOSED || w.ended == CW_E_STALE);
    CHECK_STATUS(cw_event_close(w.begins), CW_OK);
  }
}

int main(void) {
  cw_channel channel;
  long item = 7;
  CHECK_STATUS(cw_runtime_start(NULL), CW_OK);
  carries_items(0);
  carries_items(3);
  destroy_ends_waits();
  destroy_ends_waits_of_threads();

  CHECK_STATUS(cw_channel_create(sizeof item, 1, &channel), CW_OK);
  CHECK_STATUS(cw_channel_receive(channel, &item, 0), CW_E_TIMEOUT);
  CHECK_STATUS(cw_channel_receive(channel, &item, 1000000), CW_E_TIMEOUT);
  CHECK(item == 7);
  CHECK_STATUS(cw_channel_send(channel, &item, 0), CW_OK);
  CHECK_STATUS(cw_channel_send(channel, &item, 0), CW_E_TIMEOUT);
  CHECK_STATUS(cw_channel_send(channel, &item, 1000000), CW_E_TIMEOUT);
  item = 0;
  CHECK_STATUS(cw_channel_close(channel), CW_OK);
  CHECK_STATUS(cw_channel_receive(channel, &item, 0), CW_OK); /* sent before the close */
  CHECK(item == 7);
  CHECK_STATUS(cw_channel_destroy(channel), CW_OK);
  CHECK_STATUS(cw_runtime_stop(LONG_TIME), CW_OK);
  return checks_result();
}
