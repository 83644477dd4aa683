// SPDX-License-Identifier: MIT
//
// Calls whose arguments all travel in registers, for a signature that is known at run time only: which part of a value goes into a register of
// which kind, and a call that loads them all. arch/<cpu>/register_call.hpp has the CPU's half.
//
// One function type serves them all: every integer register and every floating-point one is a parameter of it, and a callee does not look at those
// that it has no parameter for. What needs the stack, a vector, an x87 register or `...` is not for this way.
//
// Which register a value goes into is a fact of the compiler's CPU, whatever code of ours is built: libffi's faults (signature.hpp, `split`) have to be
// kept away in the portable build too. Calls by this way are left to libffi there.
#pragma once

#include <cstddef>
#include <cstdint>

namespace causeway::arch {

// A scalar within a value. A scalar is its own only leaf.
struct Leaf {
  std::uint16_t offset;
  std::uint8_t bytes;
  bool floating;  // float or double
};

// Bytes of a value that travel in one register.
struct Part {
  std::uint16_t offset;
  std::uint8_t bytes;  // 1 to 8
  bool floating;       // in a floating-point register
};

struct Parts {
  static constexpr std::size_t kMax = 4;
  std::size_t count = 0;  // 0: not in registers
  Part part[kMax]{};
};

// What a function gave back, as one of these two reads it.
enum class Returns : std::uint8_t { Ints, Floats, IntFloat, FloatInt };

struct Returned {
  std::uint64_t words[Parts::kMax] = {};  // in the order of the parts
};

}  // namespace causeway::arch

// What the CPU's half has, in namespace causeway::arch:
//
//   kIntRegisters, kFloatRegisters       how many there are for arguments
//   Parts parts_of(leaves, n, size)      of a value with these leaves, in the order of their offsets
//   Returns returns_of(const Parts&)     where a result with these parts comes back
//   void call_in_registers(function, returns, floats, words, out)
//                                        words: the integer registers, then the floating-point ones; `floats` false: none of the latter is used.
//                                        What the function throws comes out.
#if defined(__x86_64__)
#include "arch/x86_64/register_call.hpp"
#elif defined(__aarch64__)
#include "arch/aarch64/register_call.hpp"
#else
#include "arch/portable/register_call.hpp"
#endif

namespace causeway::arch {

#if defined(CW_CPU_PORTABLE)
inline constexpr bool kCallsInRegisters = false;
#else
inline constexpr bool kCallsInRegisters = true;
#endif

}  // namespace causeway::arch
