// SPDX-License-Identifier: MIT
#pragma once

#include "causeway/causeway.h"

namespace causeway::capi {

// Before the first start makes anything that a child of fork() would miss. Once; not to be taken back.
// Errors: CW_E_NOMEM
cw_status register_fork_handlers() noexcept;

}  // namespace causeway::capi
