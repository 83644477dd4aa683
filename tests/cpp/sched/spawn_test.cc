// SPDX-License-Identifier: MIT
//
// Birth and end of green threads.
//
// Risk: an end that races with a join, a release or a time-out loses the result, frees the record twice, or never. The races run thousands
// of times because each window is a few instructions wide.
#include <cfenv>
#include <memory>
#include <set>
#include <stdexcept>
#include <vector>

#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;

// Counts its living copies, so that a result that is never destroyed shows.
}  // namespace

TEST_CASE("a result of each size arrives, and so does an exception") {
  Runtime runtime(2);
  CHECK(spawn([] { return 42; }).join() == 42);
  CHECK(spawn([] { return std::string(1000, 'x'); }).join().size() == 1000);
  struct Large {
    int values[100];
  };
  CHECK(spawn([] { return Large{{1, 2, 3}}; }).join().values[2] == 3);
  CHECK_THROWS_WITH_AS(spawn([]() -> int { throw std::runtime_error("no luck"); }).join(), "no luck", std::runtime_error);
  int target = 0;
  int& reference = spawn([&]() -> int& { return target; }).join();
  CHECK(&reference == &target);
}

TEST_CASE("10 000 spawned at once all run, though a run queue holds 256") {
  for (const unsigned processors : {1u, 2u, 4u}) {
    CAPTURE(processors);
    Runtime runtime(processors);
    std::atomic<int> ran{0};
    spawn([&] {
      std::vector<causeway::task<void>> tasks;
      for (int i = 0; i < 10'000; ++i) tasks.push_back(spawn([&] { ++ran; }));
      for (auto& task : tasks) task.join();
    }).join();
    CHECK(ran == 10'000);
  }
}

TEST_CASE("plain threads spawn and join at the same time as green ones") {
  Runtime runtime(2);
  std::atomic<int> ran{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        auto outer = spawn([&] { return spawn([&] { return ++ran, 1; }).join() + 1; });
        if (outer.join() != 2) std::abort();
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(ran == 2000);
}

TEST_CASE("results are destroyed exactly once, joined, detached or dropped") {
  {
    Runtime runtime(2);
    for (int i = 0; i < 2000; ++i) {
      auto task = spawn([i] { return Counted(i); });
      switch (i % 4) {
        case 0: CHECK(task.join().value == i); break;
        case 1: task.detach(); break;
        case 2: break;  // the destructor
        default: std::thread([moved = std::move(task)]() mutable { moved.join(); }).join();
      }
    }
  }
  CHECK(Counted::alive == 0);
}

TEST_CASE("a time-out of join and a detach race with the end") {
  {
    Runtime runtime(2);
    for (int i = 0; i < 20'000; ++i) {
      auto task = spawn([i] {
        for (int k = 0; k < i % 7; ++k) causeway::this_green::yield();
        return Counted(i);
      });
      // 1 ns: the wait links itself, and is over at once. Then the end must see the detach although it saw a joiner before.
      const auto result = task.try_join_for(1ns);
      if (!result.has_value() && i % 2 == 0) task.detach();
    }
  }
  CHECK(Counted::alive == 0);
}

TEST_CASE("a join with a time-out gives up, and a later one succeeds") {
  Runtime runtime(2);
  causeway::event go;
  auto task = spawn([&] { return go.wait(), 7; });
  for (int i = 0; i < 3; ++i) CHECK(task.try_join_for(1ms).error() == CW_E_TIMEOUT);
  CHECK(spawn([&] { return task.try_join_for(1ms).error(); }).join() == CW_E_TIMEOUT);
  go.set();
  CHECK(task.join() == 7);
  CHECK(status_of([&] { task.join(); }) == CW_E_STATE);
}

TEST_CASE("nobody joins himself") {
  Runtime runtime(1);
  causeway::task<cw_status> task;
  causeway::event ready;
  task = spawn([&] {
    ready.wait();
    return status_of([&] { task.join(); });
  });
  ready.set();
  CHECK(eventually([&] { return causeway::stats().greens == 0; }));
  CHECK(task.join() == CW_E_STATE);
}

TEST_CASE("ids are unique, and 0 outside") {
  Runtime runtime(4);
  CHECK(causeway::this_green::id() == 0);
  std::vector<causeway::task<uint64_t>> tasks;
  for (int i = 0; i < 1000; ++i) tasks.push_back(spawn([] { return causeway::this_green::id(); }));
  std::set<uint64_t> seen;
  for (auto& task : tasks) {
    const uint64_t before = task.id();
    const uint64_t id = task.join();
    CHECK(before == id);
    seen.insert(id);
  }
  CHECK(seen.size() == 1000);
  CHECK(*seen.begin() != 0);
}

TEST_CASE("the limit of green threads holds exactly, and room comes back") {
  causeway::options options;
  options.processors = 2;
  options.max_green = 5;
  Runtime runtime(options);
  causeway::event go{causeway::manual_reset};
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(spawn([&] { go.wait(); }));
  CHECK(status_of([] { causeway::go([] {}); }) == CW_E_LIMIT);
  CHECK(std::string(cw_last_error()).find("max_green") != std::string::npos);
  go.set();
  for (auto& task : tasks) task.join();
  CHECK(eventually([] { return status_of([] { spawn([] {}).join(); }) == CW_OK; }));
}

TEST_CASE("a stack size out of range is refused and each class works") {
  Runtime runtime(2);
  CHECK(status_of([] { spawn({.stack_size = (size_t{1} << 20) + 1}, [] {}).join(); }) == CW_E_INVALID);
  for (const size_t kib : {1u, 16u, 64u, 256u, 1024u}) {
    CAPTURE(kib);
    // Uses three quarters of the stack, from 16 KiB on, by one array.
    const size_t use = kib < 16 ? 0 : kib * 768;
    const int sum = spawn({.stack_size = kib * 1024}, [use] {
                      volatile char* room = static_cast<char*>(__builtin_alloca(use + 1));
                      for (size_t i = 0; i <= use; i += 512) room[i] = 1;
                      return static_cast<int>(room[0]);
                    }).join();
    CHECK(sum == 1);
  }
}

TEST_CASE("the stack, the rounding mode and the exception state of an ended green thread do not leak into the next one") {
  Runtime runtime(1);
  CHECK(spawn([] {
          bool good = true;
          for (int i = 0; i < 50; ++i) {
            // Both are ready before the first ends: the second goes on right there, on its stack.
            auto leaves_it = spawn([] { std::fesetround(FE_UPWARD); });
            auto finds = spawn([] { return std::fegetround(); });
            leaves_it.join();
            good &= finds.join() == FE_TONEAREST && std::fegetround() == FE_TONEAREST;
          }
          return good;
        }).join());
  CHECK(std::fegetround() == FE_TONEAREST);
}

TEST_CASE("a stop request reaches a green thread before, during and after its wait") {
  Runtime runtime(2);
  for (int round = 0; round < 500; ++round) {
    causeway::event never;
    auto task = spawn([&] { return status_of([&] { never.wait(); }); });
    if (round % 3 == 1) causeway::this_green::yield();
    if (round % 3 == 2) CHECK(eventually([] { return causeway::stats().greens_parked == 1; }));
    CHECK(task.request_stop());
    CHECK(task.request_stop());
    CHECK(task.join() == CW_E_CANCELLED);
  }
}

TEST_CASE("the stop token tells, and its callbacks run once") {
  Runtime runtime(2);
  std::atomic<int> told{0};
  auto task = spawn([&](std::stop_token stop) {
    std::stop_callback callback(stop, [&] { ++told; });
    return eventually([&] { return stop.stop_requested(); });
  });
  task.request_stop();
  task.request_stop();
  CHECK(task.join());
  CHECK(told == 1);
}

TEST_CASE("a task outlives its runtime and is still joinable") {
  causeway::task<int> ended;
  causeway::task<std::string> thrown;
  {
    Runtime runtime(2);
    ended = spawn([] { return 11; });
    thrown = spawn([]() -> std::string { throw std::runtime_error("kept"); });
  }
  CHECK(ended.join() == 11);
  CHECK_THROWS_WITH(thrown.join(), "kept");
  // And beside a next runtime.
  {
    Runtime runtime(1);
    ended = spawn([] { return 12; });
  }
  Runtime next(1);
  CHECK(spawn([] { return 13; }).join() == 13);
  CHECK(ended.join() == 12);
}
