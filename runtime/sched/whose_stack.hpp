// SPDX-License-Identifier: MIT
//
// Whose stack an address is in, or just below: for the reports of faults. All: Signal-safe: yes; a record that they read may be half-way through
// its end.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/stack/stack.hpp"

namespace causeway::sched {

struct G;

// Whose stack it is that begins at `low`; null: nobody's now.
const G* green_on_stack(const std::byte* low) noexcept;
// stack::DescribeOwner and stack::DescribeSystemStack.
void describe_owner(const stack::GuardHit& hit, stack::OwnerText& text) noexcept;
bool describe_system_stack(uintptr_t address, stack::OverflowText& text) noexcept;

}  // namespace causeway::sched
