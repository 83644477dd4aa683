// SPDX-License-Identifier: MIT
//
// Waiting until a raw descriptor is ready: one-shot, level-triggered, and nothing of it is left when the wait is over.
#pragma once

#include <cstdint>

#include "runtime/sched/sched.hpp"

namespace causeway::io {

enum class Direction : uint8_t { Read, Write };

// How long a call may wait, and what else ends it.
struct Limits {
  uint64_t timeout_ns = UINT64_MAX;  // 0: not at all
  sched::StopPoint* stop = nullptr;
  uint64_t deadline_ns = 0;  // the call's own: made of timeout_ns at its first wait

  uint64_t deadline() noexcept {
    if (deadline_ns == 0) deadline_ns = sched::deadline_after(timeout_ns);
    return deadline_ns;
  }
};

// Waits until reading (or writing) would not wait: there is data or room, the end, or an error. A descriptor that cannot be waited for (a regular
// file) is always ready. Any number may wait for the same descriptor; each is woken when it is ready.
//
// Threads: any. Signal-safe: no. Blocks: up to the limits
// Errors:  CW_E_INVALID (not an open descriptor), CW_E_TIMEOUT, CW_E_CANCELLED, CW_E_CLOSED (the number was closed and used again, or its File was
//          closed, while we waited), CW_E_STOPPED (the runtime stopped; plain threads only), CW_E_NOT_READY (there is no runtime),
//          CW_E_NOMEM, CW_E_LIMIT, CW_E_SYSTEM, CW_E_ASYNC
base::Result<void> wait_until_ready(int fd, Direction direction, Limits limits) noexcept;

}  // namespace causeway::io
