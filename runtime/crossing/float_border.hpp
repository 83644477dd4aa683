// SPDX-License-Identifier: MIT
//
// Whether the floating-point control words are kept apart on the two sides of a call (check word `float`): C code that leaves another rounding
// or flush-to-zero behind does not change the green thread that called it, a callback starts with the words of a fresh context, and what it
// leaves does not reach C. Off, a call is a call, and passes the words on as any does.
//
// Off by default: reading mxcsr alone costs 3 ns, half of a call in.
#pragma once

#include <atomic>

#include "runtime/base/base.hpp"

namespace causeway::crossing {

namespace detail {
// Set by a start, before anything runs. relaxed everywhere: the start itself orders it.
inline constinit std::atomic<bool> keep_float_apart{false};
}  // namespace detail

inline void set_float_apart(bool on) noexcept { detail::keep_float_apart.store(on, std::memory_order_relaxed); }
CW_ALWAYS_INLINE bool float_apart() noexcept { return detail::keep_float_apart.load(std::memory_order_relaxed); }

}  // namespace causeway::crossing
