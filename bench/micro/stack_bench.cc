// SPDX-License-Identifier: MIT
//
// Stacks by themselves: the life of one on a warm cache, the way past the cache, and the pivot between two.
//
// warm: reserve, bind, release of one stack, always the same hot one: no lock, no system call, no fresh page. batch: many stacks out
// at a time, so that the cache refills from the pool and spills to it; no page is touched here, so no page fault is counted.
// pivot: a call of a function that does nothing on another stack.
#include <cstddef>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>

#include "arch/arch.hpp"
#include "runtime/stack/stack.hpp"

namespace {

using causeway::stack::StackClass;

// A started pool and one cache, as one P has them.
struct Fixture {
  causeway::stack::Pool pool;
  std::unique_ptr<causeway::stack::Cache> cache;

  bool start() {
    if (!pool.start({}).has_value()) { return false; }
    cache = std::make_unique<causeway::stack::Cache>(pool);
    return true;
  }
  ~Fixture() {
    cache.reset();
    pool.stop();
  }
};

void life_of_a_stack(benchmark::State& state) {
  Fixture fixture;
  if (!fixture.start()) {
    state.SkipWithError("the pool does not start");
    return;
  }
  for (auto _ : state) {
    if (!fixture.cache->reserve(StackClass::k64K)) {
      state.SkipWithError("no stack");
      break;
    }
    const causeway::stack::Stack stack = fixture.cache->bind(StackClass::k64K);
    benchmark::DoNotOptimize(stack.low);
    fixture.cache->release(stack, StackClass::k64K);
  }
}
BENCHMARK(life_of_a_stack)->Name("stack/reserve_bind_release/warm");

void many_lives(benchmark::State& state) {
  Fixture fixture;
  if (!fixture.start()) {
    state.SkipWithError("the pool does not start");
    return;
  }
  const auto count = static_cast<std::size_t>(state.range(0));
  std::vector<causeway::stack::Stack> stacks(count);
  for (auto _ : state) {
    for (auto& stack : stacks) {
      if (!fixture.cache->reserve(StackClass::k64K)) {
        state.SkipWithError("no stack");
        return;
      }
      stack = fixture.cache->bind(StackClass::k64K);
    }
    for (const auto& stack : stacks) { fixture.cache->release(stack, StackClass::k64K); }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(many_lives)->Name("stack/reserve_bind_release/batch")->Arg(64)->Arg(1000);

void* nothing(void* argument) { return argument; }

void pivot(benchmark::State& state) {
  std::vector<std::byte> stack(16 * 1024);
  void* const high = stack.data() + stack.size();
  for (auto _ : state) { benchmark::DoNotOptimize(cw_arch_pivot(high, &nothing, nullptr)); }
}
BENCHMARK(pivot)->Name("pivot/call_and_return");

}  // namespace
