// SPDX-License-Identifier: MIT
//
// Checks of our own invariants. A caller's mistake is never checked with these: it returns an error.
//
//   CW_CHECK(cond, "text")    always on: a false condition is fatal `invariant` with this constant text
//   CW_DCHECK(cond, "text")   in debug and sanitizer builds (CW_DEBUG_CHECKS); else the condition is compiled but not evaluated
#pragma once

#include <string_view>

#include "runtime/base/config.h"

namespace causeway::base {

// The way out of a failed check: fatal(FatalId::Invariant, text), with the frames of the check's function.
// Signal-safe: yes
[[noreturn]] CW_COLD void check_failed(std::string_view text) noexcept;

}  // namespace causeway::base

#define CW_CHECK(cond, text)                      \
  do {                                            \
    if (!(cond)) [[unlikely]]                     \
      ::causeway::base::check_failed("" text ""); \
  } while (false)

#if CW_DEBUG_CHECKS
#define CW_DCHECK(cond, text) CW_CHECK(cond, text)
#else
// sizeof: names in the condition count as used, nothing runs.
#define CW_DCHECK(cond, text) static_cast<void>(sizeof(!(cond)))
#endif
