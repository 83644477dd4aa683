// SPDX-License-Identifier: MIT
//
// What rows share with their floors: those that only compute, for how long who is beside them is watched, and how long it rests between.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

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

// Rests of 0.1 to 8 ms, always the same ones.
class Rest {
 public:
  void take() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    std::this_thread::sleep_for(std::chrono::nanoseconds(100'000 + (state_ >> 33) % 7'900'000));
  }

 private:
  std::uint64_t state_ = 1;
};

}  // namespace bench
