// SPDX-License-Identifier: MIT
//
// The four sizes of green stacks, and the pair of addresses that stands for one.
//
// Not chosen: sizes by the page (one free list per size; a slab of mixed sizes cannot be cut by a division) and a fifth class above
// 1 MiB (C code runs on the system stack, so green code that needs more is rare: it is refused with CW_E_INVALID).
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::stack {

enum class StackClass : uint8_t { k16K, k64K, k256K, k1M };

inline constexpr size_t kClasses = 4;
inline constexpr size_t kDefaultStackBytes = size_t{64} << 10;
inline constexpr size_t kLargestStackBytes = size_t{1} << 20;

// Usable bytes: the guard lies outside. On a kernel whose pages are larger than 16 KiB the smallest class is one page.
constexpr size_t class_bytes(StackClass stack_class) noexcept { return size_t{16 << 10} << (2 * static_cast<unsigned>(stack_class)); }

constexpr size_t class_index(StackClass stack_class) noexcept { return static_cast<size_t>(stack_class); }

// The smallest class that holds `bytes`; 0 means the default. Errors: CW_E_INVALID above 1 MiB.
base::Result<StackClass> class_for(size_t bytes) noexcept;

// One stack. `low` is the first usable byte (the guard ends there) and identifies the slot; `high` is exclusive and page-aligned.
// A value, not an owner: it is the pool's from release() on.
struct Stack {
  std::byte* low = nullptr;
  std::byte* high = nullptr;
  size_t bytes() const noexcept { return static_cast<size_t>(high - low); }
};

}  // namespace causeway::stack
