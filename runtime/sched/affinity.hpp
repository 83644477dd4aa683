// SPDX-License-Identifier: MIT
//
// Thread affinity: a green thread that keeps its OS thread, for C libraries that keep state per thread.
#pragma once

#include "causeway/causeway.h"

namespace causeway::sched {

// For the calling green thread. Errors: CW_E_STATE, CW_E_LIMIT, CW_E_ASYNC.
cw_status lock_thread() noexcept;
cw_status unlock_thread() noexcept;

}  // namespace causeway::sched
