// SPDX-License-Identifier: MIT
//
// The run queue by itself: what its owner pays per item with and without possible thieves, and what a theft pays.
//
// Isolates the ring's words, all in the first-level cache of one CPU. Excludes the cache misses that a real thief on another CPU
// causes: those are in the all-p rows of bench/run.
#include <benchmark/benchmark.h>

#include "runtime/sched/run_queue.hpp"

namespace {

struct Item {
  int number = 0;
};

using Queue = causeway::sched::RunQueue<Item, 256>;

// One push and one pop by the owner. Argument 1: solo, the only P, so that a pop needs no locked instruction.
void push_pop(benchmark::State& state) {
  Queue queue(state.range(0) == 1);
  Item item;
  for (auto _ : state) {
    benchmark::DoNotOptimize(queue.push(&item));
    benchmark::DoNotOptimize(queue.pop());
  }
}
BENCHMARK(push_pop)->Name("run_queue/push_pop/solo")->Arg(0)->Arg(1);

// The owner pushes n, a thief takes half; both run what they have. Time per item: see items_per_second.
void push_steal_pop(benchmark::State& state) {
  Queue victim;
  Queue thief;
  Item item;
  const auto count = state.range(0);
  for (auto _ : state) {
    for (std::int64_t i = 0; i < count; ++i) { victim.push(&item); }
    Item* first = nullptr;
    if (victim.steal_into(thief, &first) == 0) {
      state.SkipWithError("nothing was stolen");
      break;
    }
    while (thief.pop() != nullptr) {}
    while (victim.pop() != nullptr) {}
  }
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(push_steal_pop)->Name("run_queue/push_steal_pop/items")->Arg(2)->Arg(32)->Arg(256);

// A thief looks at an empty queue.
void steal_nothing(benchmark::State& state) {
  Queue victim;
  Queue thief;
  for (auto _ : state) {
    Item* first = nullptr;
    benchmark::DoNotOptimize(victim.steal_into(thief, &first));
  }
}
BENCHMARK(steal_nothing)->Name("run_queue/steal/empty");

}  // namespace
