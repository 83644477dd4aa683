// SPDX-License-Identifier: MIT
//
// Clocks. All times of the runtime are nanoseconds of CLOCK_MONOTONIC.
#pragma once

#include <cstdint>

namespace causeway::os {

// Signal-safe: yes. About 20 ns: no system call where the vDSO has the clock.
uint64_t now_ns() noexcept;

// Sleeps the thread for that long, whatever signals come.                                             Signal-safe: yes
void sleep_ns(uint64_t duration_ns) noexcept;

}  // namespace causeway::os
