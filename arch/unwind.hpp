// SPDX-License-Identifier: MIT
//
// What a reader of call frame information must know of a CPU: the numbers of a few registers in the DWARF mapping of its ABI, and where a pivot
// keeps what it returns to. By the machine, not by the folder chosen: arch/portable switches stacks its own way, but its code is the machine's.
#pragma once

#include <cstdint>

#include "arch/arch.hpp"

namespace causeway::arch {

#if defined(__x86_64__)
// psABI 1.0, figure 3.36. The caller's sp is the CFA, and a record of rbp lies right below the return address.
inline constexpr bool kHasCfi = true;
inline constexpr std::uint32_t kDwarfFp = 6, kDwarfSp = 7, kDwarfReturn = 16;
inline constexpr bool kRecordEndsFrame = true;
inline std::uintptr_t plain_address(std::uintptr_t pc) noexcept { return pc; }
#elif defined(__aarch64__)
// AADWARF64. The record of x29 lies anywhere in its frame. A return address may be signed: hint 7 is xpaclri.
inline constexpr bool kHasCfi = true;
inline constexpr std::uint32_t kDwarfFp = 29, kDwarfSp = 31, kDwarfReturn = 30;
inline constexpr bool kRecordEndsFrame = false;
inline std::uintptr_t plain_address(std::uintptr_t pc) noexcept {
  register std::uintptr_t x30 asm("x30") = pc;
  asm("hint #7" : "+r"(x30));
  return x30;
}
#else
inline constexpr bool kHasCfi = false;
inline constexpr std::uint32_t kDwarfFp = 0, kDwarfSp = 1, kDwarfReturn = 2;
inline constexpr bool kRecordEndsFrame = false;
inline std::uintptr_t plain_address(std::uintptr_t pc) noexcept { return pc; }
#endif

#if defined(CW_CPU_PORTABLE)
inline constexpr bool kSwitchSpKnown = false;
#else
inline constexpr bool kSwitchSpKnown = true;  // the caller's sp of a suspended context is kSwitchFrameBytes above the saved one
#endif

struct PivotCaller {
  std::uintptr_t pc_at;  // where the address lies that it returns to; 0: not known
  std::uintptr_t sp;     // once it has returned
};

// While a pivot to the stack that ends at `stack_high` is under way: where its caller goes on.
//
// Signal-safe: yes
inline PivotCaller pivot_caller(const void* stack_high) noexcept {
#if defined(CW_CPU_X86_64)
  const std::uintptr_t low = pivot_caller_low(stack_high);
  return {low, low + sizeof(std::uintptr_t)};
#elif defined(CW_CPU_AARCH64)
  const std::uintptr_t high = reinterpret_cast<std::uintptr_t>(stack_high) & ~(kStackAlignment - 1);
  return {high - sizeof(std::uintptr_t), pivot_caller_low(stack_high)};
#else
  static_cast<void>(stack_high);
  return {0, 0};
#endif
}

// The caller of the inner half of cw_arch_pivot is the outer one, whose frame pointer is its sp. For all others it is the caller's own.
inline bool in_outer_pivot([[maybe_unused]] std::uintptr_t pc) noexcept {
#if defined(CW_CPU_PORTABLE)
  return false;
#else
  return pc - reinterpret_cast<std::uintptr_t>(&cw_arch_pivot) <
         reinterpret_cast<std::uintptr_t>(&cw_arch_pivot_inner) - reinterpret_cast<std::uintptr_t>(&cw_arch_pivot);
#endif
}

}  // namespace causeway::arch
