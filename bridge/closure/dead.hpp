// SPDX-License-Identifier: MIT
//
// Late calls: of a callback that is closed, or that cannot run.
#pragma once

#include "bridge/closure/slot.hpp"

namespace causeway::closure {

// It is closed: its code pointer leads to a function of the library's own from here on, where the result is one that this can give, so that what made
// the callback may be unloaded.
void divert(Slot* slot) noexcept;

uint64_t dead_called() noexcept;

}  // namespace causeway::closure
