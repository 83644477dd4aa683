// SPDX-License-Identifier: MIT
//
// The poller: one epoll instance, and one eventfd that ends its wait. Made at the first wait for a descriptor, gone when the runtime stops.
//
// The eventfd is level-triggered, and only the poll() that has the seat (sched/poller.hpp) clears it: a poll() that only looks may see it too, and
// would otherwise take the wake-up away from the M that it is for.
//
// Not chosen: io_uring (a ring for each P, and kernels that refuse it; decision 0008); a signal to end the wait (signals are the host's).
#pragma once

#include "runtime/base/base.hpp"

namespace causeway::io {

// Makes it if it is not there. A failure leaves nothing behind; the next call tries again.
// Errors: CW_E_NOT_READY (a plain thread, and no runtime runs), CW_E_NOMEM, CW_E_SYSTEM (EMFILE, ENFILE)
base::Result<void> ensure_poller() noexcept;

}  // namespace causeway::io
