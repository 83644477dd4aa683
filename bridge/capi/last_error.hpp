// SPDX-License-Identifier: MIT
//
// The text behind cw_last_error(): one per green thread, else one per OS thread.
//
// A green thread's buffer hangs on its record and dies with it; an OS thread's hangs on the note word (os/thread_words.hpp) and dies through the
// library's one pthread key. Both are made at the first failure, so who never fails pays nothing. If that fails too, the text is a
// constant one.
#pragma once

#include <string_view>

#include "causeway/causeway.h"
#include "runtime/base/base.hpp"

namespace causeway::capi {

// Sets the text and returns the status: `return fail(CW_E_INVALID, "...")`. The text names the culprit and what to do.
// Signal-safe: no.
cw_status fail(cw_status status, std::string_view text) noexcept;
// With the function's name before the text.
cw_status fail_in(const char* function, cw_status status, std::string_view text) noexcept;
// An inner error, with the system's reason if it has one.
cw_status fail(const base::Error& error) noexcept;
// As it was set last, or the constant text for "nothing failed yet".
const char* last_error() noexcept;

}  // namespace causeway::capi
