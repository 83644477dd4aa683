// SPDX-License-Identifier: MIT
//
// Row idle: what a process pays for a runtime that has nothing to do.
//
// One second of work on all processors (spawns, joins, meetings, timers), a hundred green threads left parked, then ten seconds
// of rest. Counted over all threads, also those that retire in between: CPU time (field ns) and voluntary switches.
#include "bench/causeway/rows.hpp"

#include <chrono>

#include <sys/resource.h>
#include <time.h>

namespace bench {
namespace {

struct Usage {
  double cpu_ns;
  double switches;
};

// Both counters cover threads that have ended, too; a sum over /proc/self/task would lose those.
Usage usage_of_process() {
  timespec cpu{};
  rusage usage{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  getrusage(RUSAGE_SELF, &usage);
  return {static_cast<double>(cpu.tv_sec) * 1e9 + static_cast<double>(cpu.tv_nsec), static_cast<double>(usage.ru_nvcsw)};
}

// One piece of work: green threads begin, meet, sleep and end.
void work_once() {
  causeway::channel<int> channel(0);
  auto sender = causeway::spawn([&] {
    for (int i = 0; i < 100; ++i) { channel.send(i); }
    channel.close();
  });
  auto sleeper = causeway::spawn([] { causeway::this_green::sleep_for(std::chrono::microseconds(100)); });
  while (channel.receive()) {}
  sender.join();
  sleeper.join();
}

}  // namespace

void idle_row(const Run& run) {
  const auto work = run.smoke ? std::chrono::milliseconds(10) : std::chrono::seconds(1);
  const auto rest = run.smoke ? std::chrono::milliseconds(50) : std::chrono::seconds(10);
  causeway::runtime runtime{options_of(run)};
  causeway::event over{causeway::manual_reset};
  std::vector<causeway::task<void>> parked;
  for (int i = 0; i < 100; ++i) {
    parked.push_back(causeway::spawn([&] { over.wait(); }));
  }
  std::vector<causeway::task<void>> workers;
  for (unsigned i = 0; i < run.processors; ++i) {
    workers.push_back(causeway::spawn([work] {
      for (const auto end = std::chrono::steady_clock::now() + work; std::chrono::steady_clock::now() < end;) { work_once(); }
    }));
  }
  for (auto& worker : workers) { worker.join(); }
  const Usage before = usage_of_process();
  const timespec pause{rest / std::chrono::seconds(1), static_cast<long>((rest % std::chrono::seconds(1)) / std::chrono::nanoseconds(1))};
  nanosleep(&pause, nullptr);
  const Usage after = usage_of_process();
  over.set();
  for (auto& task : parked) { task.join(); }
  print(run, "causeway", after.cpu_ns - before.cpu_ns, 0, {{"switches", after.switches - before.switches}});
}

}  // namespace bench
