// SPDX-License-Identifier: MIT
//
// Rows ready-run/*: the floor under them, the longest time that a bare loop is off the CPU beside eight spinning threads.
//
// A thread reads the clock without a pause; a reading that is far from the one before is a time in which the kernel ran others. No
// program can promise to run sooner than that on this machine. Same CPUs, same time as the green threads of bench/causeway/ready_run.cc.
#include "bench/common/probe.hpp"

#include <thread>

int main(int argc, char** argv) {
  const bench::Run run = bench::parse(argc, argv);
  if (run.subject != "ready-run") { bench::unknown_row(run); }
  std::atomic<bool> over{false};
  std::vector<std::jthread> hogs;
  for (int i = 0; i < bench::kHogs; ++i) {
    hogs.emplace_back([&] { bench::spin(over); });
  }
  std::this_thread::sleep_for(bench::settling(run));
  const auto span = static_cast<std::uint64_t>(std::chrono::nanoseconds(bench::watching(run)).count());
  const std::uint64_t start = bench::now_ns();
  std::uint64_t longest = 0;
  for (std::uint64_t last = start, now = start; last - start < span; last = now) {
    now = bench::now_ns();
    longest = std::max(longest, now - last);
  }
  over.store(true, std::memory_order_relaxed);
  bench::print(run, "floor", static_cast<double>(longest), 0, {{"gap_ns", static_cast<double>(longest)}});
  return 0;
}
