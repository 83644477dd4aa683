// SPDX-License-Identifier: MIT
//
// Is an object one of a program's or a library's own variables, neither on a stack nor on a heap?
#pragma once

namespace causeway::os {

// Blocks:      on the loader's lock. Signal-safe: no
bool in_static_storage(const void* object) noexcept;

}  // namespace causeway::os
