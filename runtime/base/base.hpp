// SPDX-License-Identifier: MIT
//
// base: what every row above stands on. Fatal errors, raw output, Result, ranked locks, intrusive lists, asymmetric fences, the log slot.
//
// Row 3. May include: include/causeway (status codes), arch/ (relax), the standard library; never a row above. What it needs from there is
// declared here and filled from above:
//
//   lock_word_wait, lock_word_wake         lock.hpp       defined in runtime/os
//   asym_register, asym_membarrier         asym.hpp       defined in runtime/os
//   set_fatal_trace_hook()                 fatal.hpp      set by runtime/trace
//   set_log_sink()                         log.hpp        set by bridge/capi
//
// Other folders include this header only (and config.h where they test a build fact).
#pragma once

#include "runtime/base/asym.hpp"         // IWYU pragma: export
#include "runtime/base/check.hpp"        // IWYU pragma: export
#include "runtime/base/config.h"         // IWYU pragma: export
#include "runtime/base/fatal.hpp"        // IWYU pragma: export
#include "runtime/base/list.hpp"         // IWYU pragma: export
#include "runtime/base/lock.hpp"         // IWYU pragma: export
#include "runtime/base/lock_rank.hpp"    // IWYU pragma: export
#include "runtime/base/log.hpp"          // IWYU pragma: export
#include "runtime/base/raw_write.hpp"    // IWYU pragma: export
#include "runtime/base/relaxed.hpp"      // IWYU pragma: export
#include "runtime/base/result.hpp"       // IWYU pragma: export
#include "runtime/base/static_lock.hpp"  // IWYU pragma: export
#include "runtime/base/text_buffer.hpp"  // IWYU pragma: export
