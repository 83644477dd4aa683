// SPDX-License-Identifier: MIT
//
// The errors of this folder, with their texts.
#pragma once

#include <cerrno>

#include "runtime/base/base.hpp"

namespace causeway::io {

// Of a wait that ended otherwise than by an event.
CW_COLD inline base::Error error_of(cw_status status) noexcept {
  switch (status) {
    case CW_E_TIMEOUT: return base::fail(status, "io: the time was up");
    case CW_E_CANCELLED: return base::fail(status, "io: the wait was asked to stop");
    case CW_E_CLOSED: return base::fail(status, "io: the descriptor was closed");
    case CW_E_STOPPED: return base::fail(status, "io: the runtime stopped while a thread waited for a descriptor");
    case CW_E_ASYNC: return base::fail(status, "io: not from a signal handler");
    case CW_E_NOMEM: return base::fail(status, "io: no memory for the table of descriptors", ENOMEM);
    default: return base::fail(status, "io: the wait failed");
  }
}

CW_COLD inline base::Error not_open() noexcept { return base::fail(CW_E_INVALID, "io: that is not an open descriptor", EBADF); }

CW_COLD inline base::Error error_of_registration(int error) noexcept {
  if (error == ENOSPC) return base::fail(CW_E_LIMIT, "io: the user watches too many descriptors; raise fs.epoll.max_user_watches", error);
  if (error == ENOMEM) return base::fail(CW_E_NOMEM, "io: the kernel has no memory to watch the descriptor", error);
  return base::fail(CW_E_SYSTEM, "io: the descriptor cannot be watched", error);
}

CW_COLD inline base::Error system_error(const char* text, long answer) noexcept {
  return base::fail(CW_E_SYSTEM, text, static_cast<int>(-answer));
}

}  // namespace causeway::io
