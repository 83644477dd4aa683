// SPDX-License-Identifier: MIT
//
// Puts the floating-point control words back to what the ABI defines for a fresh context, for a green thread that starts on a stack which
// another one has just left without a switch. The x87 word stands for mxcsr too, as in the switch.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include "arch/x86_64/layout.h"
#endif

namespace causeway::arch {

inline void reset_float_control() noexcept {
#if defined(__x86_64__)
  std::uint16_t x87;
  asm volatile("fnstcw %0" : "=m"(x87));
  if (x87 == CW_X86_64_INITIAL_X87CW) return;
  x87 = CW_X86_64_INITIAL_X87CW;
  asm volatile("fldcw %0" : : "m"(x87));
  __builtin_ia32_ldmxcsr(CW_X86_64_INITIAL_MXCSR);
#elif defined(__aarch64__)
  std::uint64_t fpcr;
  asm volatile("mrs %0, fpcr" : "=r"(fpcr));
  if (fpcr != 0) asm volatile("msr fpcr, %0" : : "r"(std::uint64_t{0}));
#endif
}

}  // namespace causeway::arch
