// SPDX-License-Identifier: MIT
//
// What the scheduler is started with: cw_options after defaults, environment and range checks.
#pragma once

#include <cstddef>
#include <cstdint>

struct cw_abi_task_ops;

namespace causeway::sched {

struct Options {
  uint32_t processors = 1;
  uint32_t max_threads = 10'000;
  uint64_t max_green = 0;       // 0: no limit
  uint32_t max_hogs = 0;        // 0: 4 * processors
  uint64_t max_foreign = 0;     // 0: no limit
  uint32_t max_depth = 10'000;  // of calls in, nested
  uint32_t post_capacity = 65'536;
  bool float_apart = false;    // crossing/float_border.hpp
  bool strict_stacks = false;  // stack_policy
  size_t stack_size = size_t{64} << 10;
  size_t guard_size = 0;
  size_t system_stack_size = size_t{8} << 20;
  bool guard_handler = true;
  bool crash_reports = false;
  bool light_guards = true;
  bool virtual_clock = false;  // time stands still while anything runs, and jumps to the next deadline when nothing does
  bool deadlock_report = true;
  bool use_proc = true;                       // false: as where /proc is not mounted
  bool migrate_always = false;                // green threads move to another M at each chance (chaos.hpp)
  bool check_world = false;                   // what the function of a stop may not call stops the process (runtime/world/trap.hpp)
  bool poison = false;                        // what is freed is overwritten, and looked at when it is used again (chaos.hpp)
  const cw_abi_task_ops* post_ops = nullptr;  // runs a Post
  uint64_t stall_ns = 0;                      // a wait longer than this is reported; 0: none is
  uint64_t long_call_ns = 0;                  // a call in longer than this is reported; 0: none is
  uint64_t hog_ns = 10'000'000;
  int signal = 0;                      // what a hog is asked with (hog.hpp); 0: the first free real-time signal
  uint64_t retire_ns = 5'000'000'000;  // an idle worker beyond the processors ends after this
};

}  // namespace causeway::sched
