// SPDX-License-Identifier: MIT
//
// Callbacks as the C functions see them, for cw_callback_create.
#pragma once

#include "bridge/capi/handle_table.hpp"
#include "bridge/closure/closure.hpp"
#include "causeway/causeway.h"
#include "runtime/base/base.hpp"

namespace causeway::capi {

// spec, and what the options (may be NULL) say of name, owner and fallback.
// Errors: those of closure::create(), CW_E_INVALID, those of handles
base::Result<closure::Slot*> make_callback(closure::Spec spec, const cw_callback_options* options) noexcept;
// Gives it its handle, which was reserved and owns it from here on.
cw_callback publish_callback(HandleSlot& handle, closure::Slot* slot) noexcept;

// Why a call in could not run. Constant text. in.cc
const char* why_not_entered(cw_status status) noexcept;

}  // namespace causeway::capi
