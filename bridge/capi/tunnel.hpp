// SPDX-License-Identifier: MIT
//
// Exceptions that a callback left for the call out below which C called it (on_exception::tunnel).
#pragma once

#include <exception>

#include "causeway/causeway.h"

namespace causeway::capi {

// For callers in C, to whom no exception can be given: CW_E_PANIC, and its text. Needs: cw_abi_call() has just answered that. `own`: what the call's own code
// threw meanwhile, or null.
cw_status fail_tunnelled(const std::exception_ptr& own = nullptr) noexcept;

}  // namespace causeway::capi
