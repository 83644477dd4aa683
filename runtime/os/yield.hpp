// SPDX-License-Identifier: MIT
#pragma once

#include <sched.h>

namespace causeway::os {

// Lets other threads of this CPU run first.                                                             Signal-safe: yes
inline void yield_thread() noexcept { sched_yield(); }

}  // namespace causeway::os
