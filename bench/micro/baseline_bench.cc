// SPDX-License-Identifier: MIT
//
// What the other micro benchmarks are compared with, in the same run: the loop alone, a plain call, a pair of locked instructions.
#include <atomic>

#include <benchmark/benchmark.h>

extern "C" int cw_bench_callee(int value);

namespace {

// The loop itself: a number below ten times this one is mostly the loop's.
void empty_loop(benchmark::State& state) {
  for (auto _ : state) { benchmark::ClobberMemory(); }
}
BENCHMARK(empty_loop)->Name("baseline/loop");

// The form of bench/baseline/call_bench.cc.
void plain_call(benchmark::State& state) {
  int (*volatile p)(int) = &cw_bench_callee;
  int s = 0;
  for (auto _ : state) { s = p(s); }
  benchmark::DoNotOptimize(s);
}
BENCHMARK(plain_call)->Name("baseline/plain_call");

void cas_pair(benchmark::State& state) {
  std::atomic<unsigned> word{0};
  for (auto _ : state) {
    unsigned expected = 0;
    benchmark::DoNotOptimize(word.compare_exchange_strong(expected, 1));
    expected = 1;
    benchmark::DoNotOptimize(word.compare_exchange_strong(expected, 0));
  }
}
BENCHMARK(cas_pair)->Name("baseline/cas_pair");

}  // namespace

BENCHMARK_MAIN();
