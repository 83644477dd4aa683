// SPDX-License-Identifier: MIT
//
// os: what the runtime asks of Linux and of the C and C++ libraries. Each function is one request with its errors made plain: EINTR never
// reaches a caller, an errno is kept where the contract says so, and nothing here knows what a green thread is.
//
// Row 4. May include: include/causeway, arch/arch.hpp, runtime/base/base.hpp. CPU and OS macros may be tested here. Fills the functions that
// base declares for its rows above (base_hooks.cc). Other folders include this header only.
#pragma once

#include "runtime/os/alt_stack.hpp"       // IWYU pragma: export
#include "runtime/os/cgroup.hpp"          // IWYU pragma: export
#include "runtime/os/clock.hpp"           // IWYU pragma: export
#include "runtime/os/code_pages.hpp"      // IWYU pragma: export
#include "runtime/os/context.hpp"         // IWYU pragma: export
#include "runtime/os/cpu.hpp"             // IWYU pragma: export
#include "runtime/os/descriptor.hpp"      // IWYU pragma: export
#include "runtime/os/eh_globals.hpp"      // IWYU pragma: export
#include "runtime/os/env.hpp"             // IWYU pragma: export
#include "runtime/os/errno_word.hpp"      // IWYU pragma: export
#include "runtime/os/fault_hook.hpp"      // IWYU pragma: export
#include "runtime/os/futex.hpp"           // IWYU pragma: export
#include "runtime/os/import_slots.hpp"    // IWYU pragma: export
#include "runtime/os/membarrier.hpp"      // IWYU pragma: export
#include "runtime/os/memory.hpp"          // IWYU pragma: export
#include "runtime/os/proc_file.hpp"       // IWYU pragma: export
#include "runtime/os/signals.hpp"         // IWYU pragma: export
#include "runtime/os/static_storage.hpp"  // IWYU pragma: export
#include "runtime/os/thread.hpp"          // IWYU pragma: export
#include "runtime/os/thread_words.hpp"    // IWYU pragma: export
#include "runtime/os/yield.hpp"           // IWYU pragma: export
