// SPDX-License-Identifier: MIT
//
// What a signal handler finds in its ucontext_t: where the interrupted code was.
#pragma once

#include <cstdint>

namespace causeway::os {

struct MemoryRange {
  uintptr_t low = 0, high = 0;
};

struct ContextRegisters {
  uintptr_t pc = 0;
  uintptr_t sp = 0;
  uintptr_t fp = 0;
  uintptr_t link = 0;  // the return register, where a CPU has one
  MemoryRange all;     // where the context holds the general registers
};

// What the ABI lets code use below its stack pointer, at most.
inline constexpr uintptr_t kRedZone = 128;

// All zeros on a CPU that we do not know.                                                              Signal-safe: yes
ContextRegisters context_registers(const void* ucontext) noexcept;

}  // namespace causeway::os
