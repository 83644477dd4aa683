// SPDX-License-Identifier: MIT
//
// Environment variables, with the rule for programs that run with more rights than who started them.
#pragma once

namespace causeway::os {

// Null when it is not set, and always in an AT_SECURE process (set-user-id and the like).
// Ownership: the environment's; valid until somebody changes it
const char* env(const char* name) noexcept;

// True in an AT_SECURE process.                                                                        Signal-safe: yes
bool secure_process() noexcept;

}  // namespace causeway::os
