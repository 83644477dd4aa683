// SPDX-License-Identifier: MIT
//
// Which pages are in memory, for diagnostics and tests. Swapped-out pages count as absent.
#pragma once

#include <cstddef>

#include "runtime/stack/stack_class.hpp"

namespace causeway::stack {

// Bytes from the deepest page that was ever touched since the stack's pages were last returned, to the high end; 0: untouched.
// An upper bound for the present green thread: an earlier one may have gone deeper.
// Stack: any. Blocks: never. Signal-safe: yes.
size_t high_water_bytes(Stack stack) noexcept;

// Pages of [low, low + bytes) that are in memory, in bytes. low is page-aligned. Signal-safe: yes.
size_t resident_bytes(const void* low, size_t bytes) noexcept;

}  // namespace causeway::stack
