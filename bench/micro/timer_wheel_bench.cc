// SPDX-License-Identifier: MIT
//
// The timer wheel by itself: what a deadline costs that is armed and cancelled, and how long the longest single look at the wheel takes.
//
// add_remove is warm: one node, one slot. The longest look has 100 000 nodes, as many as row sleepers, in records of the size of a green
// thread's and in a mixed order, so that most nodes are cache misses; their deadlines are spread over one second that begins in half a second.
// Its number is the one longest call, because that is what somebody's wake-up waits for, in CPU time of the thread: one preemption would hide it.
// Excluded: locks, clocks and wake-ups.
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "runtime/sched/timer_wheel.hpp"

namespace {

using causeway::sched::TimerNode;
using causeway::sched::TimerWheel;

constexpr std::uint64_t kStart = 123'456'789'012'345;  // no round number

std::int64_t cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Argument: how far the deadlines are, in µs.
void add_remove(benchmark::State& state) {
  TimerWheel wheel(kStart);
  TimerNode node;
  std::uint64_t deadline = kStart + static_cast<std::uint64_t>(state.range(0)) * 1000;
  for (auto _ : state) {
    node.deadline_ns = deadline++;
    wheel.add(node);
    benchmark::ClobberMemory();
    wheel.remove(node);
  }
}
BENCHMARK(add_remove)->Name("timer_wheel/add_remove/us")->Arg(100)->Arg(1'000'000)->Arg(3'600'000'000);

void longest_look(benchmark::State& state) {
  struct alignas(64) Record {
    char before[256];
    TimerNode node;
  };
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::unique_ptr<Record[]> records(new Record[count]);
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), std::minstd_rand(1));
  for (auto _ : state) {
    TimerWheel wheel(kStart);
    for (std::size_t i = 0; i < count; ++i) {
      TimerNode& node = records[order[i]].node;
      node.deadline_ns = kStart + 500'000'000 + i * 7919 % count * 1'000'000'000 / count;
      wheel.add(node);
    }
    std::int64_t longest = 0;
    while (!wheel.empty()) {
      const std::uint64_t now = wheel.earliest_ns();
      bool more = true;
      while (more) {
        const std::int64_t begin = cpu_ns();
        more = wheel.expire_one(now) != nullptr;
        longest = std::max(longest, cpu_ns() - begin);
      }
    }
    state.SetIterationTime(static_cast<double>(longest) / 1e9);
  }
}
// A few rounds only: the time of a round is a hundred times what is counted.
BENCHMARK(longest_look)
    ->Name("timer_wheel/longest_look/nodes")
    ->Arg(1000)
    ->Arg(100'000)
    ->Iterations(5)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
