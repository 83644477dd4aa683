// SPDX-License-Identifier: MIT
//
// Row stop/two-busy: the floor under it, what this machine needs to interrupt two threads that compute, from the first signal until both handlers have run.
//
// Nothing else: no list of threads, no barrier, nobody is kept or told to go on. Same CPUs, same rests as bench/causeway/stops.cc.
#include "bench/common/latency.hpp"
#include "bench/common/probe.hpp"

#include <pthread.h>
#include <csignal>

namespace {

constexpr int kBusy = 2;
std::atomic<int> interrupted{0};

void on_signal(int) { interrupted.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

int main(int argc, char** argv) {
  const bench::Run run = bench::parse(argc, argv);
  if (run.subject != "stop") { bench::unknown_row(run); }
  std::signal(SIGRTMIN, on_signal);
  std::atomic<bool> over{false};
  std::vector<std::jthread> busy;
  for (int i = 0; i < kBusy; ++i) {
    busy.emplace_back([&] { bench::spin(over); });
  }
  std::this_thread::sleep_for(bench::settling(run));
  std::vector<std::uint64_t> times;
  bench::Rest rest;
  const std::uint64_t end = bench::now_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(2 * bench::watching(run)).count());
  while (bench::now_ns() < end) {
    rest.take();
    interrupted.store(0, std::memory_order_relaxed);
    const std::uint64_t start = bench::now_ns();
    for (auto& thread : busy) { pthread_kill(thread.native_handle(), SIGRTMIN); }
    while (interrupted.load(std::memory_order_relaxed) != kBusy) { std::this_thread::sleep_for(std::chrono::microseconds(20)); }
    times.push_back(bench::now_ns() - start);
  }
  over.store(true, std::memory_order_relaxed);
  const bench::Percentiles late = bench::percentiles(times);
  bench::print(run, "floor", late.p50, 0, {{"pause_p50_ns", late.p50}, {"pause_p99_ns", late.p99}});
  return 0;
}
