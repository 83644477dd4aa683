// SPDX-License-Identifier: MIT
//
// Which free stacks keep their pages: as many as the last intervals' peak of use would need again.
//
// Pure counting, no clock and no memory of its own: the class pool feeds it, the monitor's calls close the intervals.
#pragma once

#include <algorithm>
#include <cstdint>

namespace causeway::stack {

// The maximum of a number over the current interval and the kIntervals - 1 before it.
class HighWaterWindow {
 public:
  static constexpr uint32_t kIntervals = 8;

  void note(uint32_t value) noexcept { peaks_[now_] = std::max(peaks_[now_], value); }
  // Begins an interval in which `value` holds.
  void next_interval(uint32_t value) noexcept {
    now_ = (now_ + 1) % kIntervals;
    peaks_[now_] = value;
  }
  uint32_t peak() const noexcept { return *std::max_element(peaks_, peaks_ + kIntervals); }

 private:
  uint32_t peaks_[kIntervals] = {};
  uint32_t now_ = 0;
};

// How many of `warm` free stacks may lose their pages when `handed_out` are out and at most `peak` were lately.
constexpr uint32_t warm_excess(uint32_t warm, uint32_t handed_out, uint32_t peak) noexcept {
  const uint32_t keep = peak > handed_out ? peak - handed_out : 0;
  return warm > keep ? warm - keep : 0;
}

}  // namespace causeway::stack
