// SPDX-License-Identifier: MIT
//
// membarrier(2), private expedited: every running thread of the process passes a full memory barrier. base/asym.hpp is built on it.
#pragma once

#include "runtime/base/config.h"

namespace causeway::os {

// May membarrier() be used? Asks the kernel once per process; in a process that has threads this can take milliseconds.
// False: no such system call, or a sandbox forbids it.
bool membarrier_register() noexcept;

// Needs:       membarrier_register() was true; fatal `invariant` when the kernel refuses all the same (a sandbox set up later)
// Blocks:      for microseconds, in the kernel
// Signal-safe: yes
CW_NOINLINE void membarrier() noexcept;

}  // namespace causeway::os
