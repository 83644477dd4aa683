// SPDX-License-Identifier: MIT
//
// Calls in registers: none, since nothing is known of the CPU's. The contract: arch/register_call.hpp.
#pragma once

#include "arch/register_call.hpp"

namespace causeway::arch {

inline constexpr std::size_t kIntRegisters = 0;
inline constexpr std::size_t kFloatRegisters = 0;

inline Parts parts_of(const Leaf*, std::size_t, std::size_t) noexcept { return {}; }
inline Returns returns_of(const Parts&) noexcept { return Returns::Ints; }
inline void call_in_registers(const void*, Returns, bool, const std::uint64_t*, Returned&) {}

}  // namespace causeway::arch
