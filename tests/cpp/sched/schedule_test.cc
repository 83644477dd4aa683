// SPDX-License-Identifier: MIT
//
// Who runs next: nobody starves, and ready work does not wait beside an idle processor.
//
// Risk: run_next, the ring, the global queue and theft each have their own way to forget somebody for ever.
#include <thread>
#include <vector>

#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;

}  // namespace

TEST_CASE("two that always make each other ready do not starve the ring") {
  Runtime runtime(1);
  CHECK(spawn([] {
          causeway::event a, b;
          bool over = false;
          auto ping = spawn([&] {
            while (!over) {
              a.wait();
              b.set();
            }
          });
          auto pong = spawn([&] {
            while (!over) {
              a.set();
              b.wait();
            }
            a.set();
          });
          // In the ring, behind nobody but those two.
          int turns = 0;
          auto third = spawn([&] {
            for (; turns < 100; ++turns) causeway::this_green::yield();
          });
          third.join();
          over = true;
          pong.join();
          ping.request_stop();
          return turns;
        }).join() == 100);
}

TEST_CASE("yielding green threads take turns") {
  Runtime runtime(1);
  constexpr int kParties = 10;
  int turns[kParties] = {};
  int widest = 0;
  spawn([&] {
    std::vector<causeway::task<void>> tasks;
    for (int i = 0; i < kParties; ++i)
      tasks.push_back(spawn([&turns, &widest, i] {
        for (int k = 0; k < 500; ++k) {
          ++turns[i];
          causeway::this_green::yield();
          int least = 500, most = 0;
          for (const int t : turns) least = t < least ? t : least, most = t > most ? t : most;
          // While all of them are at it: how far the first is ahead of the last.
          if (least > 0 && most < 500 && most - least > widest) widest = most - least;
        }
      }));
    for (auto& task : tasks) task.join();
  }).join();
  CHECK(widest <= kParties);  // 3 as a rule; migrate=always adds turns
}

TEST_CASE("what plain threads make ready is not starved by busy green threads") {
  Runtime runtime(1);
  std::atomic<bool> over{false};
  std::vector<causeway::task<void>> busy;
  for (int i = 0; i < 4; ++i)
    busy.push_back(spawn([&] {
      while (!over) causeway::this_green::yield();
    }));
  for (int i = 0; i < 50; ++i) CHECK(spawn([] { return 1; }).join() == 1);  // from outside, through the injection list
  over = true;
  for (auto& task : busy) task.join();
}

TEST_CASE("work spreads to idle processors, and the spawner need not stop for it") {
  Runtime runtime(4);
  // The spawner never parks: only theft can run its children.
  CHECK(spawn([] {
          std::atomic<int> ran{0};
          std::vector<causeway::task<void>> tasks;
          for (int i = 0; i < 100; ++i) tasks.push_back(spawn([&] { ++ran; }));
          const auto deadline = std::chrono::steady_clock::now() + kLimit;
          while (ran < 100 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
          const bool all = ran == 100;
          for (auto& task : tasks) task.join();
          return all;
        }).join());
}

TEST_CASE("the overflow of a ring keeps everybody, and the order of one party's messages") {
  Runtime runtime(2);
  // 2 000 ready at once: eight rings full.
  causeway::event go{causeway::manual_reset};
  std::atomic<int> woken{0};
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 2000; ++i)
    tasks.push_back(spawn([&] {
      go.wait();
      ++woken;
      causeway::this_green::yield();
    }));
  CHECK(eventually([] { return causeway::stats().greens_parked == 2000; }));
  spawn([&] { go.set(); }).join();
  for (auto& task : tasks) task.join();
  CHECK(woken == 2000);
}
