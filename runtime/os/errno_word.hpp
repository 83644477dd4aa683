// SPDX-License-Identifier: MIT
//
// Where the calling thread keeps its errno. The address is the same for the life of the thread; an M asks once and keeps it, because the
// compiler may keep what errno expands to over a switch.
#pragma once

#include "runtime/base/config.h"

namespace causeway::os {

CW_OPAQUE int* errno_word() noexcept;

}  // namespace causeway::os
