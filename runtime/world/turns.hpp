// SPDX-License-Identifier: MIT
//
// Whose stop of the world it is; inside world only. Nobody waits for much longer than 10 ms in front of stops that follow each other.
#pragma once

#include <cstdint>

namespace causeway::world::turns {

// Blocks the thread up to the deadline (os::now_ns()). False: the time was up.
bool take(uint64_t deadline) noexcept;
void give_back() noexcept;
// In a child of fork(): it is free, and nobody waits.
void forget() noexcept;
// The calling thread has it.
bool is_ours() noexcept;

}  // namespace causeway::world::turns
