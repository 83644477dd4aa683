// SPDX-License-Identifier: MIT
//
// How many CPUs the process may use.
#pragma once

namespace causeway::os {

enum class CpuLimits {
  All,
  MaskOnly,  // as where /proc and /sys cannot be read
};

// CPUs in the affinity mask of the calling thread, capped by the cgroup's CPU quota (rounded up). At least 1.
//
// Allocates:   no; reads a few files, tens of µs
// Signal-safe: no
unsigned processors_available(CpuLimits limits = CpuLimits::All) noexcept;

}  // namespace causeway::os
