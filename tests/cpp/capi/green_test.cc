// SPDX-License-Identifier: MIT
//
// Handles of green threads: what each wrong use of one answers, and who wins when two use one.
//
// Risk: a stale handle that hits the next green thread in the same record; a record freed while somebody else still waits on it.
#include <stdexcept>

#include "tests/cpp/capi/support.hpp"

namespace {

using namespace capi_test;

void nothing(void*) {}
void wait_for_event(void* arg) { cw_event_wait(*static_cast<cw_event*>(arg), CW_FOREVER); }

cw_green spawn(cw_fn fn, void* arg = nullptr) {
  cw_green green = 0;
  REQUIRE(cw_green_spawn(fn, arg, nullptr, &green) == CW_OK);
  return green;
}

}  // namespace

TEST_CASE("a handle is stale after its join or detach, for every call") {
  const Runtime runtime;
  for (const bool joined : {true, false}) {
    const cw_green green = spawn(nothing);
    CHECK((joined ? cw_green_join(green, kLimitNs) : cw_green_detach(green)) == CW_OK);
    CHECK(cw_green_join(green, 0) == CW_E_STALE);
    CHECK(last_error_has("cw_green_join"));
    CHECK(cw_green_detach(green) == CW_E_STALE);
    CHECK(cw_green_request_stop(green) == CW_E_STALE);
  }
}

TEST_CASE("a stale handle never means a later green thread") {
  const Runtime runtime;
  std::vector<cw_green> old;
  for (int i = 0; i < 1000; ++i) {
    const cw_green green = spawn(nothing);
    REQUIRE(cw_green_join(green, kLimitNs) == CW_OK);
    old.push_back(green);
  }
  cw_event event = 0;
  REQUIRE(cw_event_create(&event) == CW_OK);
  const cw_green living = spawn(wait_for_event, &event);
  for (const cw_green green : old) REQUIRE(cw_green_request_stop(green) == CW_E_STALE);
  CHECK(cw_green_join(living, 1'000'000) == CW_E_TIMEOUT);  // nobody stopped it
  CHECK(cw_event_set(event) == CW_OK);
  CHECK(cw_green_join(living, kLimitNs) == CW_OK);
  CHECK(cw_event_close(event) == CW_OK);
}

TEST_CASE("numbers that never were handles, and handles of another kind, are told apart") {
  const Runtime runtime;
  cw_event event = 0;
  REQUIRE(cw_event_create(&event) == CW_OK);
  CHECK(cw_green_join(event, 0) == CW_E_TYPE);
  CHECK(cw_green_detach(event) == CW_E_TYPE);
  CHECK(cw_event_close(event) == CW_OK);
  const cw_green green = spawn(nothing);
  CHECK(cw_event_set(green) == CW_E_TYPE);
  CHECK(cw_channel_close(green) == CW_E_TYPE);
  CHECK(cw_green_join(0, 0) == CW_E_HANDLE);
  CHECK(cw_green_join(UINT64_MAX, 0) == CW_E_HANDLE);
  int passed = 0;
  for (int bit = 0; bit < 64; ++bit) {  // one bit wrong, wherever: never the same handle
    const cw_status status = cw_green_request_stop(green ^ (uint64_t{1} << bit));
    CHECK(status != CW_OK);
    passed += status == CW_E_HANDLE;
  }
  CHECK(passed >= 60);  // the check bits catch it, but for a chance of 2^-20 each
  CHECK(cw_green_join(green, kLimitNs) == CW_OK);
}

TEST_CASE("of many threads that join one green thread, exactly one has joined it") {
  const Runtime runtime;
  for (int round = 0; round < 100; ++round) {
    cw_event event = 0;
    REQUIRE(cw_event_create(&event) == CW_OK);
    const cw_green green = spawn(wait_for_event, &event);
    std::atomic<int> ok{0}, state{0}, stale{0}, other{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        switch (cw_green_join(green, kLimitNs)) {
          case CW_OK: ++ok; break;
          case CW_E_STATE: ++state; break;
          case CW_E_STALE: ++stale; break;
          default: ++other;
        }
      });
    CHECK(cw_event_set(event) == CW_OK);
    for (auto& thread : threads) thread.join();
    CHECK(ok == 1);
    CHECK(other == 0);
    CHECK(state + stale == 3);
    CHECK(cw_event_close(event) == CW_OK);
  }
}

TEST_CASE("detach of one that somebody is joining is refused, and the join goes on") {
  const Runtime runtime;
  cw_event event = 0;
  REQUIRE(cw_event_create(&event) == CW_OK);
  const cw_green green = spawn(wait_for_event, &event);
  struct Join {
    cw_green green;
    cw_status status;
  } join{green, CW_E_SYSTEM};
  const cw_green joiner = spawn(
      [](void* arg) {
        auto* j = static_cast<Join*>(arg);
        j->status = cw_green_join(j->green, kLimitNs);
      },
      &join);
  REQUIRE(eventually([] { return stats().greens_parked == 2; }));
  CHECK(cw_green_detach(green) == CW_E_STATE);
  CHECK(cw_event_set(event) == CW_OK);
  CHECK(cw_green_join(joiner, kLimitNs) == CW_OK);
  CHECK(join.status == CW_OK);
  CHECK(cw_event_close(event) == CW_OK);
}

TEST_CASE("an exception that leaves a green thread is its joiner's to know") {
  const Runtime runtime;
  const cw_green green = spawn([](void*) { throw std::runtime_error("lost"); });
  CHECK(cw_green_join(green, kLimitNs) == CW_E_PANIC);
  CHECK(cw_green_join(green, 0) == CW_E_STALE);
}

TEST_CASE("a name is copied and cut to 31 bytes, as reports show it") {
  cw_options o = options();
  REQUIRE(cw_runtime_start(&o) == CW_OK);
  cw_event event = 0;
  REQUIRE(cw_event_create(&event) == CW_OK);
  cw_spawn_options with_name;
  REQUIRE(cw_spawn_options_init(&with_name) == CW_OK);
  std::string name = "0123456789abcdefghijklmnopqrstuvwxyz";
  with_name.name = name.c_str();
  static std::atomic<bool> stop;
  stop = false;
  REQUIRE(cw_green_spawn(
              [](void*) {
                while (!stop) cw_green_yield();
              },
              nullptr, &with_name, nullptr) == CW_OK);
  name.assign(name.size(), '!');
  CHECK(cw_runtime_stop(1'000'000) == CW_E_BUSY);
  CHECK_MESSAGE(last_error_has("\"0123456789abcdefghijklmnopqrstu\""), cw_last_error());
  stop = true;
  CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
  CHECK(cw_event_close(event) == CW_OK);
}

TEST_CASE("a handle that outlives its runtime still tells how its green thread ended") {
  cw_green good = 0, bad = 0;
  cw_options o = options();
  REQUIRE(cw_runtime_start(&o) == CW_OK);
  good = spawn(nothing);
  bad = spawn([](void*) { throw 1; });
  REQUIRE(cw_runtime_stop(kLimitNs) == CW_OK);
  CHECK(cw_green_request_stop(good) == CW_OK);
  CHECK(cw_green_join(good, 0) == CW_OK);
  CHECK(cw_green_join(bad, 0) == CW_E_PANIC);
  CHECK(cw_green_join(good, 0) == CW_E_STALE);
}

TEST_CASE("ids and on_green tell where one is") {
  const Runtime runtime;
  CHECK(cw_green_id() == 0);
  CHECK(cw_on_green() == 0);
  struct Seen {
    uint64_t id;
    int on;
  } seen{};
  const cw_green green = spawn([](void* arg) { *static_cast<Seen*>(arg) = {cw_green_id(), cw_on_green()}; }, &seen);
  CHECK(cw_green_join(green, kLimitNs) == CW_OK);
  CHECK(seen.id != 0);
  CHECK(seen.on == 1);
}
