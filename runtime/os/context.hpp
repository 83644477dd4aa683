// SPDX-License-Identifier: MIT
//
// What a signal handler finds in its ucontext_t: where the interrupted code was.
#pragma once

#include <cstddef>
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

// Each register of the interrupted code by its name, up to n of them. Answers how many.                  Signal-safe: yes
struct RegisterValue {
  const char* name = "";
  uintptr_t value = 0;
};
inline constexpr size_t kMostRegisters = 40;
size_t context_register_list(const void* ucontext, RegisterValue* out, size_t n) noexcept;

// The registers after the return of a function that has not made a frame yet, as after a call of an address where there is no code.
// pc 0: not known. Reads the word at sp, if it can be read.                                            Signal-safe: yes
ContextRegisters context_after_return(const void* ucontext) noexcept;

// The thread's alternate signal stack when the signal came. low == high: it has none.                   Signal-safe: yes
struct AddressRange {
  uintptr_t low = 0, high = 0;
  bool holds(uintptr_t address) const noexcept { return address >= low && address < high; }
};
AddressRange context_alternate_stack(const void* ucontext) noexcept;

// Does code at pc return from a signal handler? Needs: pc is in a module's code.                       Signal-safe: yes
bool is_signal_return(uintptr_t pc) noexcept;

}  // namespace causeway::os
