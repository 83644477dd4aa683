// SPDX-License-Identifier: MIT
//
// Calls in registers, x86-64 System V (psABI 1.0, 3.2.3). The contract: arch/register_call.hpp.
#pragma once

#include <bit>

#include "arch/register_call.hpp"

namespace causeway::arch {

inline constexpr std::size_t kIntRegisters = 6;
inline constexpr std::size_t kFloatRegisters = 8;

// Each eightbyte goes into a register: a floating-point one if there is nothing else in it. More than two of them are in memory.
inline Parts parts_of(const Leaf* leaves, std::size_t n, std::size_t size) noexcept {
  Parts parts;
  if (size > 16) return parts;
  parts.count = (size + 7) / 8;
  for (std::size_t i = 0; i < parts.count; ++i) {
    const std::size_t left = size - i * 8;
    parts.part[i] = {static_cast<std::uint16_t>(i * 8), static_cast<std::uint8_t>(left < 8 ? left : 8), true};
  }
  for (std::size_t i = 0; i < n; ++i)
    if (!leaves[i].floating) parts.part[leaves[i].offset / 8].floating = false;
  return parts;
}

inline Returns returns_of(const Parts& parts) noexcept {
  if (parts.count == 0 || (parts.count == 1 && !parts.part[0].floating)) return Returns::Ints;
  if (parts.count == 1) return Returns::Floats;
  if (parts.part[0].floating) return parts.part[1].floating ? Returns::Floats : Returns::FloatInt;
  return parts.part[1].floating ? Returns::IntFloat : Returns::Ints;
}

namespace x86_64 {

template <class First, class Second>
struct Pair {
  First first;
  Second second;
};

template <class R>
#if defined(__clang__)
[[clang::no_sanitize("function", "cfi-icall")]]
#endif
R call_as(const void* function, bool floats, const std::uint64_t* w) {
  using U = std::uint64_t;
  using D = double;
  auto* at = const_cast<void*>(function);
  if (!floats) return reinterpret_cast<R (*)(U, U, U, U, U, U)>(at)(w[0], w[1], w[2], w[3], w[4], w[5]);
  auto d = [w](std::size_t i) { return std::bit_cast<double>(w[kIntRegisters + i]); };
  return reinterpret_cast<R (*)(U, U, U, U, U, U, D, D, D, D, D, D, D, D)>(at)(w[0], w[1], w[2], w[3], w[4], w[5], d(0), d(1), d(2), d(3),
                                                                               d(4), d(5), d(6), d(7));
}

template <class First, class Second>
void call_pair(const void* function, bool floats, const std::uint64_t* words, Returned& out) {
  const auto pair = call_as<Pair<First, Second>>(function, floats, words);
  out.words[0] = std::bit_cast<std::uint64_t>(pair.first);
  out.words[1] = std::bit_cast<std::uint64_t>(pair.second);
}

}  // namespace x86_64

inline void call_in_registers(const void* function, Returns returns, bool floats, const std::uint64_t* words, Returned& out) {
  switch (returns) {
    case Returns::Ints: return x86_64::call_pair<std::uint64_t, std::uint64_t>(function, floats, words, out);
    case Returns::Floats: return x86_64::call_pair<double, double>(function, floats, words, out);
    case Returns::IntFloat: return x86_64::call_pair<std::uint64_t, double>(function, floats, words, out);
    case Returns::FloatInt: return x86_64::call_pair<double, std::uint64_t>(function, floats, words, out);
  }
}

}  // namespace causeway::arch
