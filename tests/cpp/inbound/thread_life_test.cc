// SPDX-License-Identifier: MIT
//
// What thousands of threads leave behind that each called in once, and threads of other makers: the C library's own, and those that call in
// from a thread_local's destructor.
//
// Risk: a mapping, a descriptor, a thread or a record for each thread that is gone; what a thread of ours inherits from the one that happened
// to be there when it was made.
#include <sched.h>

#include <fstream>
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

void nothing_is_left_of(int threads) {
  // A worker more is no leak: one that loses its processor while the system lets it wait has another one made.
  constexpr int kAtOnce = 4, kMoreWorkers = 16;
  const auto run = [](int n) {
    for (int i = 0; i < n; i += kAtOnce) {
      std::vector<std::unique_ptr<HostThread>> some;
      for (int j = 0; j < kAtOnce; ++j)
        some.push_back(std::make_unique<HostThread>([] { CHECK(enter([] { causeway::this_green::yield(); }) == CW_OK); }));
    }
  };
  run(40);  // whatever is made once is there
  const auto before = stats();
  const int descriptors = count_entries("fd"), own_threads = count_entries("task");
  const int maps = count_maps();
  run(threads);
  const auto after = stats();
  CHECK(after.foreign_threads == 0);
  CHECK(after.greens == 0);
  CHECK(after.spare_threads <= before.spare_threads + kAtOnce);
  CHECK(after.stack_bytes <= before.stack_bytes + (size_t{1} << 20));
  CHECK(after.calls_in - before.calls_in >= static_cast<uint64_t>(threads));
  CHECK(count_entries("fd") <= descriptors);
  CHECK(eventually([&] { return count_entries("task") <= own_threads + kMoreWorkers; }));
  // The C library keeps a few stacks of ended threads, and the allocator makes arenas: some, not one per thread. An emulator keeps its own.
  if (!few()) CHECK(count_maps() <= maps + 64 + 4 * kMoreWorkers);
}

TEST_CASE("Test8517: of a thousand short threads with one call each nothing is left") {
  const bool many = std::getenv("CAUSEWAY_TEST_LONG") != nullptr;
  Runtime runtime(2);
  nothing_is_left_of(many ? 10'000 : few() ? 200 : 1'000);
}

TEST_CASE("who looks for dead threads takes no place that its thread has given back") {
  // A reaper that is slow between its look at a thread and what it does: threads end, and their places go to others, all the time.
  Runtime runtime(2);
  std::atomic<bool> over{false};
  std::atomic<uint64_t> wrong{0};
  std::vector<std::unique_ptr<HostThread>> reapers;
  constexpr uint64_t kMost = 64;  // far more than there are threads
  for (int i = 0; i < 3; ++i)
    reapers.push_back(std::make_unique<HostThread>([&] {
      while (!over) wrong += stats().foreign_threads > kMost || stats().spare_threads > kMost;
    }));
  const int rounds = few() ? 30 : 200;
  for (int i = 0; i < rounds; ++i) {
    std::vector<std::unique_ptr<HostThread>> some;
    for (int j = 0; j < 6; ++j) some.push_back(std::make_unique<HostThread>([] { CHECK(enter([] {}) == CW_OK); }));
  }
  over = true;
  reapers.clear();
  CHECK(wrong == 0);
}

// --- destructors of thread_local objects ------------------------------------------------------------------------------------

struct CallsAtTheEnd {
  int* calls = nullptr;
  ~CallsAtTheEnd() {
    if (calls != nullptr) CHECK(enter([this] { causeway::this_green::sleep_for(1us), ++*calls; }) == CW_OK);
  }
};
thread_local CallsAtTheEnd at_the_end;

TEST_CASE("a thread calls in from the destructor of a thread_local, whether it did before or not") {
  Runtime runtime(2);
  for (int round = 0; round < 20; ++round) {
    int calls = 0;
    on_thread([&] {
      at_the_end.calls = &calls;
      if (round % 2 == 0) CHECK(enter([&] { ++calls; }) == CW_OK);
    });
    CHECK(calls == 1 + (round + 1) % 2);
    CHECK(stats().foreign_threads == 0);
  }
}

TEST_CASE("attached_thread keeps a thread bound for a scope, and nests") {
  Runtime runtime(2);
  on_thread([] {
    {
      const causeway::attached_thread outer;
      CHECK(stats().foreign_threads == 1);
      { const causeway::attached_thread inner; }
      CHECK(stats().foreign_threads == 1);
      CHECK(enter([] {}) == CW_OK);
    }
    CHECK(stats().foreign_threads == 0);
    CHECK(status_of([] { causeway::enter([] { const causeway::attached_thread on_green; }); }) == CW_E_STATE);
  });
  CHECK(stats().foreign_threads == 0);
}

// --- what a thread of ours is born with ---------------------------------------------------------------------------------------

cpu_set_t affinity_of(int thread) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CHECK(sched_getaffinity(thread, sizeof set, &set) == 0);
  return set;
}

TEST_CASE("LockOSThreadAvoidsStatePropagation: workers made for a callback do not inherit its thread's CPUs") {
  const cpu_set_t all = affinity_of(0);
  if (CPU_COUNT(&all) < 2) return;  // nothing that could be told apart
  Runtime runtime(4);
  on_thread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
      if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    std::atomic<int> looked{0}, pinned{0};
    std::atomic<bool> leave{false};
    CHECK(enter([&] {
            std::vector<causeway::task<void>> tasks;
            for (int i = 0; i < 8; ++i) {
              tasks.push_back(causeway::spawn([&] {
                causeway::call_blocking([&] {
                  const cpu_set_t mine = affinity_of(0);
                  pinned += CPU_EQUAL(&mine, &all) == 0;
                  ++looked;
                  while (!leave) std::this_thread::sleep_for(1ms);
                });
              }));
              // All workers that there are block now, so that the next one is made by this thread.
              CHECK(eventually([&] { return looked == i + 1; }));
            }
            leave = true;
            for (auto& task : tasks) task.join();
          }) == CW_OK);
    CHECK(pinned == 0);
  });
}

size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// 256 KiB: a few pages of the thread's own stack, of the green thread's, of the alternate signal stack, and the records; not a stack as a whole
// (8 MiB, 64 KiB). What a bare thread costs on this system is not counted: it is there before. Under an emulator, a sanitizer or a check mode
// pages are counted that are not ours.
TEST_CASE("TestWindowsStackMemoryCgo: a thread inside a callback costs few pages, not its stacks") {
  if (few()) return;
  Runtime runtime(2);
  constexpr size_t kThreads = 64;
  std::atomic<size_t> born{0}, inside{0};
  std::atomic<bool> call{false}, leave{false};
  std::vector<std::unique_ptr<HostThread>> threads;
  for (size_t i = 0; i < kThreads; ++i)
    threads.push_back(std::make_unique<HostThread>([&] {
      ++born;
      while (!call) std::this_thread::sleep_for(1ms);
      CHECK(enter([&] {
              ++inside;
              while (!leave) causeway::this_green::sleep_for(1ms);
            }) == CW_OK);
    }));
  CHECK(eventually([&] { return born == kThreads; }));
  const size_t before = resident_bytes();
  call = true;
  CHECK(eventually([&] { return inside == kThreads; }));
  CHECK(resident_bytes() < before + kThreads * (size_t{256} << 10));
  leave = true;
  threads.clear();
}

}  // namespace
