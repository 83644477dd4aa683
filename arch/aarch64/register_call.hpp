// SPDX-License-Identifier: MIT
//
// Calls in registers, aarch64 (AAPCS64, 6.8 and 6.9). The contract: arch/register_call.hpp.
#pragma once

#include <bit>

#include "arch/register_call.hpp"

namespace causeway::arch {

inline constexpr std::size_t kIntRegisters = 8;
inline constexpr std::size_t kFloatRegisters = 8;

// One to four floats, or doubles, and nothing else: a register each. Else up to 16 bytes in one or two integer registers.
inline Parts parts_of(const Leaf* leaves, std::size_t n, std::size_t size) noexcept {
  Parts parts;
  bool alike = n >= 1 && n <= Parts::kMax;
  for (std::size_t i = 0; alike && i < n; ++i) alike = leaves[i].floating && leaves[i].bytes == leaves[0].bytes;
  if (alike) {
    parts.count = n;
    for (std::size_t i = 0; i < n; ++i) parts.part[i] = {leaves[i].offset, leaves[i].bytes, true};
    return parts;
  }
  if (size > 16) return parts;
  parts.count = (size + 7) / 8;
  for (std::size_t i = 0; i < parts.count; ++i) {
    const std::size_t left = size - i * 8;
    parts.part[i] = {static_cast<std::uint16_t>(i * 8), static_cast<std::uint8_t>(left < 8 ? left : 8), false};
  }
  return parts;
}

inline Returns returns_of(const Parts& parts) noexcept {
  return parts.count != 0 && parts.part[0].floating ? Returns::Floats : Returns::Ints;
}

namespace aarch64 {

struct Ints {
  std::uint64_t word[2];
};
struct Floats {
  double word[4];  // d0 to d3; a float is the lower half of one
};

template <class R>
#if defined(__clang__)
[[clang::no_sanitize("function", "cfi-icall")]]
#endif
R call_as(const void* function, bool floats, const std::uint64_t* w) {
  using U = std::uint64_t;
  using D = double;
  auto* at = const_cast<void*>(function);
  if (!floats) return reinterpret_cast<R (*)(U, U, U, U, U, U, U, U)>(at)(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]);
  auto d = [w](std::size_t i) { return std::bit_cast<double>(w[kIntRegisters + i]); };
  return reinterpret_cast<R (*)(U, U, U, U, U, U, U, U, D, D, D, D, D, D, D, D)>(at)(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], d(0),
                                                                                     d(1), d(2), d(3), d(4), d(5), d(6), d(7));
}

}  // namespace aarch64

inline void call_in_registers(const void* function, Returns returns, bool floats, const std::uint64_t* words, Returned& out) {
  if (returns == Returns::Floats) {
    const auto back = aarch64::call_as<aarch64::Floats>(function, floats, words);
    for (std::size_t i = 0; i < Parts::kMax; ++i) out.words[i] = std::bit_cast<std::uint64_t>(back.word[i]);
    return;
  }
  const auto back = aarch64::call_as<aarch64::Ints>(function, floats, words);
  out.words[0] = back.word[0];
  out.words[1] = back.word[1];
}

}  // namespace causeway::arch
