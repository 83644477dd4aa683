// SPDX-License-Identifier: MIT
//
// Risks: done twice, or seen as done before it is; waiters that nobody wakes after an attempt that threw; a recursion that hangs; memory touched by
// the end after somebody who found it done destroyed the once.
#include "runtime/sync/once.hpp"

#include <atomic>
#include <memory>
#include <vector>

#include "tests/cpp/sync/party.hpp"

namespace sync_test {
namespace {

size_t waiting(causeway::once& once) { return causeway::sync::once_waiting(inner<cw_abi_once>(once)); }

TEST_CASE("once: done once, and everybody returns after it, in every mix of parties") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (int round = 0; round < 50; ++round) {
      causeway::once once;
      int done = 0;  // unprotected but for the once
      std::vector<Party> parties;
      for (int i = 0; i < 6; ++i)
        parties.emplace_back(i % 2 == 0 ? first : second, [&] {
          once.call([&] {
            causeway::this_green::yield();
            ++done;
          });
          CHECK(done == 1);
        });
    }
  });
}

TEST_CASE("once: an attempt that throws leaves it to the next, also to one that waits") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    causeway::once once;
    std::atomic<int> attempts{0};
    std::atomic<bool> fail{false};
    Party thrower(first, [&] {
      CHECK(status_of([&] {
              once.call([&] {
                ++attempts;
                CHECK(eventually([&] { return fail.load(); }));
                throw causeway::error(CW_E_FULL, "the first attempt fails");
              });
            }) == CW_E_FULL);
    });
    REQUIRE(eventually([&] { return attempts == 1; }));
    std::vector<Party> waiters;
    for (int i = 0; i < 3; ++i) waiters.emplace_back(i == 0 ? first : second, [&] { once.call([&] { ++attempts; }); });
    REQUIRE(eventually([&] { return waiting(once) == 3; }));
    CHECK_FALSE(once.done());
    fail = true;
    waiters.clear();
    thrower.join();
    CHECK(attempts == 2);
    CHECK(once.done());
    once.call([&] { ++attempts; });
    CHECK(attempts == 2);
  });
}

TEST_CASE("once: a call from inside its own function is an error, not a hang") {
  Runtime runtime;
  for (const Kind kind : {Kind::Green, Kind::Thread, Kind::LockedGreen}) {
    CAPTURE(name(kind));
    Party party(kind, [] {
      causeway::once once;
      cw_status inside = CW_OK;
      once.call([&] { inside = status_of([&] { once.call([] {}); }); });
      CHECK(inside == CW_E_STATE);
      CHECK(once.done());
    });
  }
}

TEST_CASE("once: a waiter that gives up leaves the others waiting") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    causeway::once once;
    std::stop_source source;
    std::atomic<bool> go{false}, running{false};
    Party runner(first, [&] {
      once.call([&] {
        running = true;
        CHECK(eventually([&] { return go.load(); }));
      });
    });
    REQUIRE(eventually([&] { return running.load(); }));
    Party quitter(second, [&] { CHECK_FALSE(once.call([] { FAIL_CHECK("not its turn"); }, source.get_token())); });
    REQUIRE(eventually([&] { return waiting(once) == 1; }));
    Party stayer(first, [&] { once.call([] { FAIL_CHECK("not its turn"); }); });
    REQUIRE(eventually([&] { return waiting(once) == 2; }));
    source.request_stop();
    quitter.join();
    CHECK(waiting(once) == 1);
    go = true;
    stayer.join();
    runner.join();
  });
}

TEST_CASE("once: a stop request to the waiting green thread does not end the wait") {
  Runtime runtime;
  causeway::once once;
  std::atomic<bool> go{false}, running{false};
  auto runner = causeway::spawn([&] {
    once.call([&] {
      running = true;
      while (!go) causeway::this_green::yield();
    });
  });
  REQUIRE(eventually([&] { return running.load(); }));
  auto waiter = causeway::spawn([&] { once.call([] {}); });
  REQUIRE(eventually([&] { return waiting(once) == 1; }));
  waiter.request_stop();
  CHECK(waiter.try_join_for(5ms).error() == CW_E_TIMEOUT);
  go = true;
  waiter.join();
  runner.join();
}

TEST_CASE("once: who finds it done may destroy it at once") {
  static constinit causeway::once constant;
  constant.call([] {});
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (int round = 0; round < 200; ++round) {
      auto once = std::make_unique<causeway::once>();
      std::atomic<bool> running{false};
      Party runner(first, [&, raw = once.get()] { raw->call([&] { running = true; }); });
      REQUIRE(eventually([&] { return running.load(); }));
      Party finder(second, [&] {
        once->call([] {});
        once.reset();
      });
    }
  });
}

}  // namespace
}  // namespace sync_test
