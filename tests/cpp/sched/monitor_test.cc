// SPDX-License-Identifier: MIT
//
// The monitor: a green thread that runs on for ever loses its processor to those that wait, and finds its way back.
//
// Risk: others starve behind it; or the one that lost its processor goes on as if it had one. A second of waiting is a hundred times the
// monitor's tick: enough for a loaded machine, and endless without it.
#include <vector>

#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;

}  // namespace

TEST_CASE("others run while one spins on the only processor, and the spinner comes back") {
  Runtime runtime(1);
  const uint64_t before = causeway::stats().hogs_detached;
  std::atomic<bool> spinning{false}, enough{false};
  std::atomic<int> others{0};
  auto hog = spawn([&] {
    spinning = true;
    while (!enough) {}
    // Without a processor now: the next call of ours parks until it has one.
    causeway::this_green::yield();
    return spawn([] { return 5; }).join();
  });
  CHECK(eventually([&] { return spinning.load(); }));
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 20; ++i)
    tasks.push_back(spawn([&] {
      causeway::this_green::yield();
      ++others;
    }));
  for (auto& task : tasks) task.join();
  CHECK(others == 20);
  CHECK_FALSE(enough);
  CHECK(causeway::stats().hogs_detached > before);  // more: one of the twenty may have lost its CPU for a slice
  enough = true;
  CHECK(hog.join() == 5);
}

TEST_CASE("what a spinner made ready just before it began to spin runs too") {
  Runtime runtime(1);
  std::atomic<bool> enough{false};
  causeway::event event;
  auto waiter = spawn([&] {
    event.wait();
    enough = true;  // the spinner itself waits for this
  });
  CHECK(eventually([] { return causeway::stats().greens_parked == 1; }));
  auto hog = spawn([&] {
    event.set();  // the waiter is this processor's next one now, and nobody can steal that
    const auto deadline = std::chrono::steady_clock::now() + kLimit;
    while (!enough && std::chrono::steady_clock::now() < deadline) {}
    return enough.load();
  });
  CHECK(hog.join());
  waiter.join();
}

TEST_CASE("more spinners than max_hogs: the runtime still stops when they end") {
  causeway::options options;
  options.processors = 1;
  options.max_hogs = 2;
  Runtime runtime(options);
  std::atomic<bool> enough{false};
  std::atomic<int> spinning{0};
  std::vector<causeway::task<void>> hogs;
  for (int i = 0; i < 3; ++i)
    hogs.push_back(spawn([&] {
      ++spinning;
      while (!enough) {}
    }));
  CHECK(eventually([&] { return spinning == 3; }));  // two lost the processor, the third has it
  enough = true;
  for (auto& hog : hogs) hog.join();
  CHECK(spawn([] { return 4; }).join() == 4);
}

TEST_CASE("a timer is served though the only processor is kept by a spinner") {
  Runtime runtime(1);
  std::atomic<bool> enough{false};
  auto sleeper = spawn([&] {
    causeway::this_green::sleep_for(5ms);
    enough = true;
  });
  // Asleep; or, where the looker lost its CPU for those 5 ms, awake again: then there is nothing to show.
  CHECK(eventually([&] { return causeway::stats().greens_parked == 1 || enough; }));
  auto hog = spawn([&] {
    const auto deadline = std::chrono::steady_clock::now() + kLimit;
    while (!enough && std::chrono::steady_clock::now() < deadline) {}
    return enough.load();
  });
  CHECK(hog.join());
  sleeper.join();
}
