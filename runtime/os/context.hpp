// SPDX-License-Identifier: MIT
//
// What a signal handler finds in its ucontext_t: where the interrupted code was.
#pragma once

#include <cstdint>

namespace causeway::os {

struct ContextRegisters {
  uintptr_t pc = 0;
  uintptr_t sp = 0;
  uintptr_t fp = 0;
};

// All zeros on a CPU that we do not know.                                                              Signal-safe: yes
ContextRegisters context_registers(const void* ucontext) noexcept;

}  // namespace causeway::os
