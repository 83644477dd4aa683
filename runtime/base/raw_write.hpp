// SPDX-License-Identifier: MIT
//
// Raw output: text to stderr with system calls only. For fatal reports and other last words; logs go elsewhere (log.hpp).
#pragma once

#include <cstdint>
#include <string_view>

namespace causeway::base {

// Writes text to stderr, all of it or as much as can be had.
//
// Blocks:      up to what is left of the process's budget of 800 ms for a stderr that takes nothing; when that is used up, never
// Signal-safe: yes; errno kept, no SIGPIPE
void raw_write(std::string_view text) noexcept;
// In a child of fork(): what the parent waited for counts no more.
void forget_stderr_budget_in_child() noexcept;

// The same to any descriptor, with a budget of the caller's: milliseconds still to be waited in poll(2), less what was used.
// False: not all of it was written.
bool raw_write_to(int fd, std::string_view text, int* budget_ms) noexcept;

}  // namespace causeway::base
