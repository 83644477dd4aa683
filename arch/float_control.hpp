// SPDX-License-Identifier: MIT
//
// The floating-point control words apart from a switch: put back to what the ABI defines for a fresh context, for a green thread that starts on
// a stack which another one has just left without a switch; and kept over a call. The x87 word stands for mxcsr too, as in the switch.
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

// The words as they are, to be put back by restore_float_control().
struct FloatControl {
  std::uint64_t word = 0;
  std::uint32_t mxcsr = 0;
};

// Those of a fresh context.
inline constexpr FloatControl kFreshFloatControl{
#if defined(__x86_64__)
    CW_X86_64_INITIAL_X87CW, CW_X86_64_INITIAL_MXCSR
#endif
};

inline FloatControl save_float_control() noexcept {
  FloatControl control;
#if defined(__x86_64__)
  std::uint16_t x87;
  asm volatile("fnstcw %0" : "=m"(x87));
  control.word = x87;
  control.mxcsr = __builtin_ia32_stmxcsr();
#elif defined(__aarch64__)
  asm volatile("mrs %0, fpcr" : "=r"(control.word));
#endif
  return control;
}

inline void restore_float_control(const FloatControl& control) noexcept {
#if defined(__x86_64__)
  constexpr std::uint32_t kFlags = 0x3f;  // sticky exception flags: whose they are the ABI does not say, so those of now stay
  const auto x87 = static_cast<std::uint16_t>(control.word);
  asm volatile("fldcw %0" : : "m"(x87));
  __builtin_ia32_ldmxcsr((control.mxcsr & ~kFlags) | (__builtin_ia32_stmxcsr() & kFlags));
#elif defined(__aarch64__)
  asm volatile("msr fpcr, %0" : : "r"(control.word));
#else
  static_cast<void>(control);
#endif
}

}  // namespace causeway::arch
