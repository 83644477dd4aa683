// SPDX-License-Identifier: MIT
//
// Row post/foreign-thread: the pair of uncontended compare-and-swaps against which a post is judged.
//
// Isolated: two locked instructions on a warm word that no other thread touches. Nothing is excluded.
#include "bench/common/bench.hpp"

#include <atomic>

int main(int argc, char** argv) {
  const bench::Run run = bench::parse(argc, argv);
  if (run.subject != "post") { bench::unknown_row(run); }
  std::atomic<unsigned> word{0};
  std::uint64_t failed = 0;
  const double ns = bench::ns_per_round(run, [&](std::uint64_t rounds) {
    for (std::uint64_t i = 0; i < rounds; ++i) {
      unsigned expected = 0;
      if (!word.compare_exchange_strong(expected, 1)) { ++failed; }
      expected = 1;
      if (!word.compare_exchange_strong(expected, 0)) { ++failed; }
    }
  });
  if (failed != 0) {
    std::fprintf(stderr, "a word that nobody else has was changed\n");
    return 1;
  }
  bench::print(run, "baseline", ns, 0, {{"loop_ns", bench::loop_ns()}});
  return 0;
}
