// SPDX-License-Identifier: MIT
//
// The handles of C: green threads, events, channels.
#include <cstring>

#include "tests/cpp/oom/scenario.hpp"

namespace {

using oom::must;
using oom::need;

constexpr uint64_t kLimitNs = 30'000'000'000;

// What was made is unmade on every way out.
struct Event {
  cw_event handle = 0;
  Event() { need(cw_event_create(&handle)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { must(cw_event_close(handle) == CW_OK, "an event is closed"); }
};

struct Channel {
  cw_channel handle = 0;
  Channel(size_t item, size_t capacity) { need(cw_channel_create(item, capacity, &handle)); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() { must(cw_channel_destroy(handle) == CW_OK, "a channel is destroyed"); }
};

struct Green {
  cw_green handle = 0;
  Green(cw_fn fn, void* arg) { need(cw_green_spawn(fn, arg, nullptr, &handle)); }
  Green(const Green&) = delete;
  Green& operator=(const Green&) = delete;
  ~Green() {
    must(cw_green_request_stop(handle) == CW_OK, "a green thread is asked to stop");
    must(cw_green_join(handle, kLimitNs) == CW_OK, "a green thread is joined");
  }
};

void events() {
  Event event, other;
  Green waiter([](void* arg) { static_cast<void>(cw_event_wait(static_cast<Event*>(arg)->handle, kLimitNs)); }, &event);
  must(cw_event_set(event.handle) == CW_OK, "an event is set");
  must(cw_event_wait(other.handle, 1000) == CW_E_TIMEOUT, "nobody sets the other one");
}

void channels() {
  Channel channel(8, 2);
  Green sender(
      [](void* arg) {
        for (uint64_t i = 1; i <= 5; ++i)
          if (cw_channel_send(static_cast<Channel*>(arg)->handle, &i, kLimitNs) != CW_OK) return;
      },
      &channel);
  uint64_t sum = 0;
  for (int i = 0; i < 5; ++i) {
    uint64_t item = 0;
    must(cw_channel_receive(channel.handle, &item, kLimitNs) == CW_OK, "an item arrives");
    sum += item;
  }
  must(sum == 15, "all items arrive");
}

void large_channel() {
  Channel channel(100'000, 3);
  static char item[100'000];
  std::memset(item, 5, sizeof item);
  must(cw_channel_send(channel.handle, item, 0) == CW_OK, "there is room");
}

void greens() {
  cw_green detached = 0;
  need(cw_green_spawn([](void*) {}, nullptr, nullptr, &detached));
  must(cw_green_detach(detached) == CW_OK, "it is detached");
  Green one([](void*) {}, nullptr), two([](void*) { cw_green_yield(); }, nullptr);
}

void errors_have_texts() {
  must(cw_event_set(1) == CW_E_HANDLE, "a number that is no handle");
  must(cw_last_error() != nullptr, "a text, or an empty one");
  must(cw_green_join(1, 0) == CW_E_HANDLE, "a number that is no handle");
}

}  // namespace

const std::vector<oom::Scenario>& oom::handle_scenarios() {
  static const std::vector<Scenario> list = {
      {"c-events", events}, {"c-channels", channels},        {"c-large-channel", large_channel},
      {"c-greens", greens}, {"c-errors", errors_have_texts},
  };
  return list;
}
