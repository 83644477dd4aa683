// SPDX-License-Identifier: MIT
//
// Whether the function of a stop runs; inside world only.
#pragma once

namespace causeway::world {

bool is_stopped() noexcept;
void set_stopped(bool stopped) noexcept;
// The calling thread is the one that runs it.
bool stopped_by_us() noexcept;

}  // namespace causeway::world
