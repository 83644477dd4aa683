// SPDX-License-Identifier: MIT
//
// What the rows ready-run share with their floor: eight that only compute, and for how long the ninth is watched.
#pragma once

#include <atomic>
#include <chrono>

#include "bench/common/bench.hpp"

namespace bench {

constexpr int kHogs = 8;

// Time for a scheduler to notice what it has to do with; then the time that counts.
inline std::chrono::milliseconds settling(const Run& run) { return std::chrono::milliseconds(run.smoke ? 10 : 500); }
inline std::chrono::milliseconds watching(const Run& run) { return std::chrono::milliseconds(run.smoke ? 50 : 3000); }

// A plain loop that never calls anything until it is told to end.
inline void spin(const std::atomic<bool>& over) {
  // relaxed: only the word itself is of interest.
  while (!over.load(std::memory_order_relaxed)) {}
}

}  // namespace bench
