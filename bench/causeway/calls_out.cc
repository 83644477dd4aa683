// SPDX-License-Identifier: MIT
//
// Rows call-out and nested: what a green thread pays to call C, and to be called back from there.
//
// Isolated: the crossings; the C function adds one, or calls the code pointer that it is given. It lives in a shared object of its own and
// is called through a volatile pointer, as in the baseline.
#include "bench/causeway/rows.hpp"
#include "bench/common/calls.hpp"

extern "C" {
int cw_bench_callee(int value);
int cw_bench_through(int (*p)(int), int value);
}

namespace bench {
namespace {

void quick(std::uint64_t rounds) {
  int (*volatile p)(int) = cw_bench_callee;
  int s = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const Target function = p;
    s = causeway::call(function, s);
  }
  must_have_counted(s, rounds);
}

void leaf(std::uint64_t rounds) {
  int (*volatile p)(int) = cw_bench_callee;
  int s = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const Target function = p;
    s = causeway::call_leaf(function, s);
  }
  must_have_counted(s, rounds);
}

[[gnu::noinline]] int next(int value) { return value + 1; }

// One round: managed code calls C, which calls managed code, and both return.
void nested(std::uint64_t rounds) {
  int (*volatile p)(int) = causeway::entry<&next>;
  int s = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const Target function = p;
    s = causeway::call(cw_bench_through, function, s);
  }
  must_have_counted(s, rounds);
}

}  // namespace

void call_out_row(const Run& run) {
  if (run.variant.starts_with("run-time-")) return call_out_run_time_row(run);
  if (run.variant != "quick" && run.variant != "leaf") { unknown_row(run); }
  measure_loop(run, run.variant == "quick" ? quick : leaf, 1);
}

void nested_row(const Run& run) { measure_loop(run, nested, 1); }

}  // namespace bench
