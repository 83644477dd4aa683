// SPDX-License-Identifier: MIT
#pragma once

#include "causeway/causeway.h"

namespace causeway::capi {

// Before the first start makes anything that a child of fork() would miss. Once; not to be taken back.
// Errors: CW_E_NOMEM
cw_status register_fork_handlers() noexcept;

// Keeps the object that this code is in loaded; the same.
// Errors: CW_E_SYSTEM
cw_status pin_object() noexcept;

}  // namespace causeway::capi
