// SPDX-License-Identifier: MIT
//
// OS threads of ours: as many as are of use, and the rest goes home.
//
// Risk: a worker for each green thread that ever blocked its thread; a retired worker's record that is used while it still ends. The
// idle time after which a worker ends is 5 s by default, here 20 ms.
#include <vector>

#include "runtime/sched/sched.hpp"
#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;

void start(uint32_t processors, uint64_t retire_ns, uint32_t max_threads = 10'000) {
  causeway::sched::Options options;
  options.processors = processors;
  options.retire_ns = retire_ns;
  options.max_threads = max_threads;
  const auto started = causeway::sched::start(options, causeway::base::asym::Mode::Auto, causeway::sched::StartKind::Explicit);
  REQUIRE(started.has_value());
}

void stop() {
  causeway::sched::LeftText left;
  CHECK(causeway::sched::stop(30'000'000'000, &left) == CW_OK);
}

// `n` green threads that wait at one time.
void gather(unsigned n, bool locked) {
  causeway::event go{causeway::manual_reset};
  std::vector<causeway::task<void>> tasks;
  for (unsigned i = 0; i < n; ++i) tasks.push_back(spawn({.locked = locked}, [&] { go.wait(); }));
  CHECK(eventually([&] { return causeway::stats().greens_parked == n; }));
  if (locked) CHECK(causeway::stats().workers >= n);
  go.set();
  for (auto& task : tasks) task.join();
}

// Makes `n` workers more than processors: each locked green thread keeps one while all of them wait.
void crowd(unsigned n) { gather(n, true); }

}  // namespace

TEST_CASE("workers beyond the processors end when they were idle for a while, and come back when needed") {
  start(2, 20'000'000);
  const int threads_before = count_entries("task");
  for (int round = 0; round < 3; ++round) {
    crowd(12);
    CHECK(eventually([] { return causeway::stats().workers <= 2; }));
    // Their OS threads are gone too: at most the two, and the monitor, which was there before.
    CHECK(eventually([&] { return count_entries("task") <= threads_before + 2; }));
  }
  CHECK(spawn([] { return 3; }).join() == 3);
  stop();
}

#if !CW_ASAN && !CW_TSAN  // whose own mappings come and go with threads
TEST_CASE("of forty workers that were needed once no stacks are left") {
  start(2, 20'000'000);
  gather(40, false);  // the green threads' own stacks stay, and may have two lines each (no light guards)
  const int maps_before = count_maps();
  crowd(40);
  CHECK(eventually([] { return causeway::stats().workers <= 2; }));
  // A worker has a stack and an alternate stack with a guard each: 160 lines. The C library keeps some stacks and heaps for the next threads.
  CHECK(eventually([&] { return count_maps() <= maps_before + 60; }));
  stop();
}
#endif

TEST_CASE("workers that end and workers that start at the same moment do not mix up their records") {
  start(2, 100'000);  // 0.1 ms: they retire all the time
  for (int round = 0; round < 100; ++round) {
    crowd(6);
    if (round % 3 == 0) std::this_thread::yield();
  }
  stop();
}

TEST_CASE("the limit of threads holds, and what is ready still runs") {
  start(4, 5'000'000'000, 2);
  std::atomic<int> ran{0};
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 500; ++i)
    tasks.push_back(spawn([&] {
      causeway::this_green::yield();
      ++ran;
    }));
  for (auto& task : tasks) task.join();
  CHECK(ran == 500);
  CHECK(causeway::stats().workers <= 2);
  stop();
}
