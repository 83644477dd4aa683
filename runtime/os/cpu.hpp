// SPDX-License-Identifier: MIT
//
// How many CPUs the process may use.
#pragma once

namespace causeway::os {

// CPUs in the affinity mask of the calling thread, capped by the cgroup's CPU quota (rounded up). At least 1.
//
// Allocates:   no; reads a few files, tens of µs
// Signal-safe: no
unsigned processors_available() noexcept;

}  // namespace causeway::os
