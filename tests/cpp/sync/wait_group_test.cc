// SPDX-License-Identifier: MIT
//
// Risks: a waiter that is let through early, or never; a count that wraps; memory touched by the last done() after the waiter destroyed the
// group (ASan builds see it).
#include "runtime/sync/wait_group.hpp"

#include <atomic>
#include <memory>
#include <vector>

#include "tests/cpp/sync/party.hpp"

namespace sync_test {
namespace {

TEST_CASE("wait_group: all waiters go on when the last one is done, and not before") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (int round = 0; round < 100; ++round) {
      constexpr int kWorkers = 3;
      causeway::wait_group group;
      int parts[kWorkers] = {};  // plain: wait() must make them visible
      group.add(kWorkers);
      std::atomic<int> wrong{0};
      auto waiter = [&] {
        group.wait();
        for (const int part : parts) wrong += part != 1 ? 1 : 0;
      };
      Party a(first, waiter);
      Party b(second, waiter);
      std::vector<Party> workers;
      for (int& part : parts) {
        workers.emplace_back(second, [&] {
          part = 1;
          group.done();
        });
      }
      a.join();
      b.join();
      CHECK(wrong == 0);
    }
  });
}

TEST_CASE("wait_group: a count that cannot be is refused and changes nothing") {
  causeway::wait_group group;
  group.wait();  // 0: nothing to wait for
  CHECK(status_of([&] { group.done(); }) == CW_E_STATE);
  group.add(2);
  CHECK(status_of([&] { group.add(-3); }) == CW_E_STATE);
  CHECK(status_of([&] { group.add(0x7fffffff); }) == CW_E_LIMIT);
  CHECK(status_of([&] { group.add(INT64_MAX); }) == CW_E_LIMIT);
  CHECK(status_of([&] { group.add(INT64_MIN); }) == CW_E_STATE);
  group.done();
  CHECK_FALSE(group.wait_for(0s));
  group.done();
  CHECK(group.wait_for(0s));
}

TEST_CASE("wait_group: a timed wait ends at its deadline, and the next wait works") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind) {
    cw_abi_wait_group group{};
    CHECK(causeway::sync::wait_group_add(group, 1) == CW_OK);
    Party waiter(first, [&] {
      const auto begin = std::chrono::steady_clock::now();
      CHECK(causeway::sync::wait_group_wait(group, 20'000'000) == CW_E_TIMEOUT);
      CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
    });
    waiter.join();
    CHECK(group.word == 1);  // no trace of the waiter
    CHECK(group.waiters == nullptr);
    CHECK(causeway::sync::wait_group_add(group, -1) == CW_OK);
    CHECK(causeway::sync::wait_group_wait(group, CW_FOREVER) == CW_OK);
  });
}

TEST_CASE("wait_group: deadlines that race with the last done() neither hang nor touch what is gone") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (int round = 0; round < 200; ++round) {
      auto group = std::make_unique<causeway::wait_group>();
      group->add();
      Party worker(second, [raw = group.get()] { raw->done(); });
      Party waiter(first, [&group] {
        while (!group->wait_for(5us)) {}
        group.reset();  // at once: the last done() must not need it any more
      });
    }
  });
}

TEST_CASE("wait_group: a stop request does not end the wait") {
  Runtime runtime;
  causeway::wait_group group;
  group.add();
  auto waiter = causeway::spawn([&] { group.wait(); });
  waiter.request_stop();
  CHECK(waiter.try_join_for(5ms).error() == CW_E_TIMEOUT);
  group.done();
  waiter.join();
}

}  // namespace
}  // namespace sync_test
