// SPDX-License-Identifier: MIT
//
// A locked green thread stays on its OS thread, and nobody else runs there.
//
// Risk: the hand-over between the M that finds the green thread in a queue and the M that it belongs to: lost, or run on the wrong one.
#include <vector>

#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;

// Parks and yields in several ways; true if each return was on the same OS thread.
bool stays(causeway::channel<int>& channel, int rounds) {
  const int home = tid();
  bool good = true;
  for (int i = 0; i < rounds; ++i) {
    switch (i % 3) {
      case 0: causeway::this_green::yield(); break;
      case 1: causeway::this_green::sleep_for(20us); break;
      default: channel.send(i); static_cast<void>(channel.receive());
    }
    good &= tid() == home;
  }
  return good;
}

}  // namespace

TEST_CASE("a locked green thread keeps its OS thread over every park, while others run") {
  for (const unsigned processors : {1u, 2u, 4u}) {
    CAPTURE(processors);
    Runtime runtime(processors);
    causeway::channel<int> channel(128);
    std::atomic<bool> over{false};
    std::vector<causeway::task<void>> others;
    for (int i = 0; i < 8; ++i)
      others.push_back(spawn([&] {
        while (!over) {
          causeway::this_green::yield();
          causeway::this_green::sleep_for(10us);
        }
      }));
    std::vector<causeway::task<bool>> locked;
    for (int i = 0; i < 3; ++i)
      locked.push_back(spawn({.locked = i == 0}, [&, i] {
        if (i != 0) REQUIRE(cw_thread_lock() == CW_OK);
        const bool good = stays(channel, 200);
        if (i == 1) REQUIRE(cw_thread_unlock() == CW_OK);
        return good;
      }));
    for (auto& task : locked) CHECK(task.join());
    over = true;
    for (auto& task : others) task.join();
  }
}

TEST_CASE("nobody else runs on the OS thread of a locked green thread") {
  Runtime runtime(2);
  std::atomic<int> home{0};
  std::atomic<bool> over{false};
  std::atomic<int> intruders{0};
  auto locked = spawn({.locked = true}, [&] {
    home = tid();
    for (int i = 0; i < 300; ++i) causeway::this_green::sleep_for(20us);
    over = true;
    home = 0;
  });
  CHECK(eventually([&] { return home != 0; }));
  std::vector<causeway::task<void>> others;
  for (int i = 0; i < 8; ++i)
    others.push_back(spawn([&] {
      while (!over) {
        if (tid() == home) ++intruders;
        causeway::this_green::yield();
      }
    }));
  locked.join();
  for (auto& task : others) task.join();
  CHECK(intruders == 0);
}

TEST_CASE("locks nest: the last unlock lets go") {
  Runtime runtime(2);
  CHECK(spawn([] {
          bool good = cw_thread_unlock() == CW_E_STATE;
          for (int i = 0; i < 5; ++i) good &= cw_thread_lock() == CW_OK;
          for (int i = 0; i < 5; ++i) good &= cw_thread_unlock() == CW_OK;
          return good && cw_thread_unlock() == CW_E_STATE;
        }).join());
  // One that was spawned locked counts as locked once.
  spawn({.locked = true}, [] {
    CHECK(cw_thread_unlock() == CW_OK);
    CHECK(cw_thread_unlock() == CW_E_STATE);
  }).join();
  CHECK(cw_thread_lock() == CW_E_STATE);
  CHECK(cw_thread_unlock() == CW_E_STATE);
}

TEST_CASE("locked green threads that end locked leave their OS threads to others") {
  Runtime runtime(2);
  for (int round = 0; round < 100; ++round) {
    std::vector<causeway::task<int>> tasks;
    for (int i = 0; i < 5; ++i)
      tasks.push_back(spawn({.locked = true}, [i] {
        causeway::this_green::yield();
        return i;
      }));
    for (int i = 0; i < 5; ++i) CHECK(tasks[static_cast<size_t>(i)].join() == i);
  }
  // Not one OS thread per locked green thread there ever was.
  CHECK(causeway::stats().workers <= 16);
}

TEST_CASE("two locked green threads hand items to each other") {
  Runtime runtime(1);
  causeway::channel<int> there, back;
  auto echo = spawn({.locked = true}, [&] {
    const int home = tid();
    bool good = true;
    while (const auto item = there.receive()) {
      good &= tid() == home;
      back.send(*item + 1);
    }
    return good;
  });
  auto asker = spawn({.locked = true}, [&] {
    const int home = tid();
    bool good = true;
    for (int i = 0; i < 500; ++i) {
      there.send(i);
      good &= back.receive() == i + 1 && tid() == home;
    }
    there.close();
    return good;
  });
  CHECK(asker.join());
  CHECK(echo.join());
}

TEST_CASE("the runtime stops with locked green threads that wait") {
  causeway::options options;
  options.processors = 2;
  Runtime runtime(options);
  for (int i = 0; i < 4; ++i) causeway::go({.locked = true}, [] { causeway::this_green::sleep_for(1h); });
  CHECK(eventually([] { return causeway::stats().greens_parked == 4; }));
}

TEST_CASE("a locked green thread runs on its own thread though that is the last one to be had, and a spinner made it ready") {
  causeway::options options;
  options.processors = 1;
  options.max_threads = 2;  // one for the locked one, one for the spinner; no other thread can be had
  Runtime runtime(options);
  causeway::event event;
  std::atomic<bool> parked{false}, ran{false};
  auto locked = spawn({.locked = true}, [&] {
    parked = true;
    event.wait();
    ran = true;
  });
  CHECK(eventually([&] { return parked && causeway::stats().greens_parked == 1; }));
  auto hog = spawn([&] {
    event.set();
    const auto deadline = std::chrono::steady_clock::now() + kLimit;
    while (!ran && std::chrono::steady_clock::now() < deadline) {}
    return ran.load();
  });
  CHECK(hog.join());
  locked.join();
}

// DL-01, CgoSignalDeadlock: the fault that is recovered is an exception here.
TEST_CASE("pings are answered beside 128 green threads that keep their thread for ever, and one that throws and catches all the time") {
  Runtime runtime(100);
  causeway::event never{causeway::manual_reset};
  causeway::channel<int> pings(0), answers(0);
  std::vector<causeway::task<void>> locked;
  for (int i = 0; i < 128; ++i) locked.push_back(spawn({.locked = true}, [&] { never.wait(); }));
  auto answering = spawn([&] {
    int caught = 0;
    for (;;) {
      try {
        throw caught;
      } catch (int n) { caught = n + 1; }
      if (caught % 100 != 0) continue;
      const auto ping = pings.receive();
      if (!ping) return caught;
      answers.send(*ping);
    }
  });
  for (int i = 0; i < 50; ++i) {
    CHECK(pings.send_for(i, kLimit) == CW_OK);
    CHECK(answers.receive_for(kLimit) == i);
  }
  pings.close();
  CHECK(answering.join() >= 5000);
  never.set();
  for (auto& task : locked) task.join();
}
