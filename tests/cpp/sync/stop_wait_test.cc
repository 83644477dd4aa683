// SPDX-License-Identifier: MIT
//
// Stop tokens beyond the matrix: sleeping, tokens of green threads, one token for many waits, and requests that race with everything.
//
// Risks: a requester that touches the frame of a wait that has returned (sanitizer builds see it); a request that wakes only the first wait.
#include <atomic>
#include <memory>
#include <vector>

#include "runtime/sync/sync.hpp"
#include "tests/cpp/sync/party.hpp"

namespace sync_test {
namespace {

TEST_CASE("stop token: a sleep ends by it, and lasts its time without it") {
  Runtime runtime;
  for (const Kind kind : {Kind::Green, Kind::Thread, Kind::LockedGreen}) {
    CAPTURE(name(kind));
    std::stop_source source;
    std::atomic<int> stage{0};
    Party sleeper(kind, [&] {
      const std::stop_token stop = source.get_token();
      const auto begin = std::chrono::steady_clock::now();
      CHECK(causeway::this_green::sleep_for(2ms, stop));
      CHECK(causeway::this_green::sleep_until(std::chrono::steady_clock::now() + 2ms, stop));
      CHECK(std::chrono::steady_clock::now() - begin >= 4ms);
      CHECK(causeway::this_green::sleep_for(-1h, stop));
      stage = 1;
      CHECK_FALSE(causeway::this_green::sleep_for(24h * 1000, stop));
      CHECK_FALSE(causeway::this_green::sleep_for(std::chrono::hours::max(), stop));  // from now on at once
      CHECK_FALSE(causeway::this_green::sleep_until(std::chrono::system_clock::time_point::max(), stop));
    });
    REQUIRE(eventually([&] { return stage == 1; }));
    source.request_stop();
  }
}

TEST_CASE("stop token: one request ends many waits of all kinds of parties") {
  Runtime runtime;
  for (int round = 0; round < 20; ++round) {
    std::stop_source source;
    cw_abi_event event{};
    std::atomic<int> stopped{0};
    std::vector<Party> waiters;
    for (int i = 0; i < 12; ++i)
      waiters.emplace_back(i % 3 == 0 ? Kind::Thread : Kind::Green, [&] {
        causeway::detail::stop_wait wait(source.get_token());
        if (cw_abi_event_wait(&event, CW_FOREVER, wait.get()) == CW_E_CANCELLED) ++stopped;
      });
    REQUIRE(eventually([&] { return causeway::sync::event_waiting(event) == 12; }));
    if (round % 2 == 0) source.request_stop();
    else causeway::spawn([&] { source.request_stop(); }).join();  // by a green thread, which is not switched away meanwhile
    waiters.clear();
    CHECK(stopped == 12);
    CHECK(causeway::sync::event_waiting(event) == 0);
  }
}

TEST_CASE("stop token: a green thread's own token ends its waits, and those of others that use it") {
  Runtime runtime;
  causeway::event never;
  std::atomic<int> stage{0};
  std::stop_token shared;
  auto owner = causeway::spawn([&](std::stop_token stop) {
    shared = stop;
    stage = 1;
    return never.wait(stop);
  });
  REQUIRE(eventually([&] { return stage == 1; }));
  Party other(Kind::Thread, [&] { CHECK_FALSE(never.wait(shared)); });
  REQUIRE(eventually([&] { return causeway::sync::event_waiting(inner<cw_abi_event>(never)) == 2; }));
  owner.request_stop();
  CHECK_FALSE(owner.join());
}

TEST_CASE("stop token: requests, wake-ups and frames that end race for a while") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (int round = 0; round < 300; ++round) {
      std::stop_source source;
      causeway::event event;
      std::atomic<bool> woken{false};
      Party waiter(first, [&] {
        // Several waits in one frame after the other: each has a point of its own at the same address.
        for (int i = 0; i < 3; ++i)
          if (event.wait(source.get_token())) woken = true;
      });
      Party stopper(second, [&] { source.request_stop(); });
      event.set();
      stopper.join();
      waiter.join();
      CHECK((woken || event.try_wait()));  // the one set was taken once, or is still there
    }
  });
}

TEST_CASE("stop token: asked for twice, and of a token that nobody can stop, it is harmless") {
  cw_abi_stop_wait wait{};
  cw_abi_stop_wait_request(&wait);
  cw_abi_stop_wait_request(&wait);
  cw_abi_event event{};
  CHECK(cw_abi_event_wait(&event, CW_FOREVER, &wait) == CW_E_CANCELLED);
  CHECK(cw_abi_event_wait(&event, 0, &wait) == CW_E_TIMEOUT);
  cw_abi_event_set(&event);
  CHECK(cw_abi_event_wait(&event, CW_FOREVER, &wait) == CW_OK);
  causeway::event plain;
  CHECK_FALSE(plain.wait_for(1ms, std::stop_token{}));
}

}  // namespace
}  // namespace sync_test
