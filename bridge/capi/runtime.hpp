// SPDX-License-Identifier: MIT
#pragma once

#include "causeway/causeway.h"

namespace causeway::capi {

// For calls that need a runtime: starts one, or waits for one, as option implicit_start says. CW_OK, or the status and its text are set.
cw_status ensure_started() noexcept;

}  // namespace causeway::capi
