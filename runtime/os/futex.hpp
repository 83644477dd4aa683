// SPDX-License-Identifier: MIT
//
// Wait and wake words: process-private futexes.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/config.h"

namespace causeway::os {

inline constexpr uint64_t kForever = UINT64_MAX;

// Sleeps while `word` holds `expected`, up to timeout_ns. 0: woken, interrupted, or the word differed: the caller looks again. ETIMEDOUT.
//
// Stack:       any
// Blocks:      the thread
// Signal-safe: yes; errno kept
// Not inlined, as the others here that touch errno: its address must not be computed in a function that also switches.
CW_NOINLINE int futex_wait(const std::atomic<uint32_t>& word, uint32_t expected, uint64_t timeout_ns) noexcept;

// Wakes up to n sleepers of the address. The word may be unmapped already: then nobody of ours sleeps there, and nothing happens.
// Signal-safe: yes; errno kept
CW_NOINLINE void futex_wake(const std::atomic<uint32_t>& word, int n) noexcept;

}  // namespace causeway::os
