// SPDX-License-Identifier: MIT
//
// Rows call/plain, call-in/bound and call-out/*: the plain call against which a crossing is judged.
//
// Isolates one indirect call into another shared object, in the fixed form `s = p(s)` with a volatile pointer p: other forms
// of the loop give 1.05 to 1.6 ns on one machine. Includes the load of p and the dependency through s; excludes nothing.
#include "bench/common/bench.hpp"

extern "C" int cw_bench_callee(int value);

int main(int argc, char** argv) {
  const bench::Run run = bench::parse(argc, argv);
  if (run.subject != "call" && run.subject != "call-in" && run.subject != "call-out") { bench::unknown_row(run); }
  int (*volatile p)(int) = &cw_bench_callee;
  const std::uint64_t rounds = run.smoke ? 1'000 : 100'000'000;
  int s = 0;
  const std::uint64_t start = bench::now_ns();
  for (std::uint64_t i = 0; i < rounds; ++i) { s = p(s); }
  const auto taken = static_cast<double>(bench::now_ns() - start);
  if (static_cast<std::uint64_t>(s) != rounds) {
    std::fprintf(stderr, "the callee was called %d times, not %llu\n", s, static_cast<unsigned long long>(rounds));
    return 1;
  }
  bench::print(run, "baseline", taken / static_cast<double>(rounds), 0, {{"loop_ns", bench::loop_ns()}});
  return 0;
}
