// SPDX-License-Identifier: MIT
#include "runtime/os/cpu.hpp"

#include <sched.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "runtime/base/config.h"
#include "runtime/os/cgroup.hpp"

namespace causeway::os {
namespace {

// Not inlined: its kilobyte of stack is free again before the files are read.
CW_NOINLINE unsigned cpus_in_mask() noexcept {
  constexpr size_t kCpus = 8192;  // the most that the kernel can be built for; a mask of fewer bits than it has is refused
  alignas(cpu_set_t) uint64_t mask[kCpus / 64] = {};
  if (sched_getaffinity(0, sizeof mask, reinterpret_cast<cpu_set_t*>(mask)) != 0) return 1;
  unsigned count = 0;
  for (const uint64_t word : mask) count += static_cast<unsigned>(std::popcount(word));
  return count;
}

}  // namespace

unsigned processors_available(CpuLimits limits) noexcept {
  const unsigned cpus = cpus_in_mask();
  const unsigned limit = limits == CpuLimits::All ? cgroup::cpu_limit() : cgroup::kNoLimit;
  const unsigned usable = limit != cgroup::kNoLimit && limit < cpus ? limit : cpus;
  return usable > 0 ? usable : 1;
}

}  // namespace causeway::os
