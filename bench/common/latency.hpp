// SPDX-License-Identifier: MIT
//
// From many times to those that the latency rows show. Twin of percentiles() and reportLatency() in bench/peers/go/timers.go.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "bench/common/bench.hpp"

namespace bench {

struct Percentiles {
  double p50;
  double p99;
  double max;
};

// Nearest rank, so all are times that were measured. Zeroes for an empty list.
inline Percentiles percentiles(std::vector<std::uint64_t> times) {
  if (times.empty()) { return {0, 0, 0}; }
  std::sort(times.begin(), times.end());
  const auto at = [&](std::size_t percent) { return static_cast<double>(times[(times.size() * percent + 99) / 100 - 1]); };
  return {at(50), at(99), at(100)};
}

inline void print_latency(const Run& run, const char* peer, std::vector<std::uint64_t> times) {
  const Percentiles late = percentiles(std::move(times));
  print(run, peer, late.p50, 0, {{"p50_ns", late.p50}, {"p99_ns", late.p99}});
}

}  // namespace bench
