// SPDX-License-Identifier: MIT
//
// What the scheduler is started with: cw_options after defaults, environment and range checks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace causeway::sched {

struct Options {
  uint32_t processors = 1;
  uint32_t max_threads = 10'000;
  uint64_t max_green = 0;  // 0: no limit
  uint32_t max_hogs = 0;   // 0: 4 * processors
  size_t stack_size = size_t{64} << 10;
  size_t guard_size = 0;
  size_t system_stack_size = size_t{8} << 20;
  bool guard_handler = true;
  bool light_guards = true;
  bool virtual_clock = false;  // time stands still while anything runs, and jumps to the next deadline when nothing does
  bool deadlock_report = true;
  uint64_t hog_ns = 10'000'000;
  uint64_t retire_ns = 5'000'000'000;  // an idle worker beyond the processors ends after this
};

}  // namespace causeway::sched
