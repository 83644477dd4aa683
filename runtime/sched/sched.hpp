// SPDX-License-Identifier: MIT
//
// Row 7: green threads and what runs them. May include rows 1 to 6. Others include this file only.
//
// Inner files are listed in scheduler.hpp; the story of a wait is in wait.hpp.
#pragma once

#include "runtime/sched/affinity.hpp"      // IWYU pragma: export
#include "runtime/sched/arena.hpp"         // IWYU pragma: export
#include "runtime/sched/border.hpp"        // IWYU pragma: export
#include "runtime/sched/brief_scope.hpp"   // IWYU pragma: export
#include "runtime/sched/callees.hpp"       // IWYU pragma: export
#include "runtime/sched/chaos.hpp"         // IWYU pragma: export
#include "runtime/sched/come_back.hpp"     // IWYU pragma: export
#include "runtime/sched/deadlock.hpp"      // IWYU pragma: export
#include "runtime/sched/exit_watch.hpp"    // IWYU pragma: export
#include "runtime/sched/foreign.hpp"       // IWYU pragma: export
#include "runtime/sched/fork.hpp"          // IWYU pragma: export
#include "runtime/sched/frames.hpp"        // IWYU pragma: export
#include "runtime/sched/halt.hpp"          // IWYU pragma: export
#include "runtime/sched/lifecycle.hpp"     // IWYU pragma: export
#include "runtime/sched/options.hpp"       // IWYU pragma: export
#include "runtime/sched/own_signal.hpp"    // IWYU pragma: export
#include "runtime/sched/poison.hpp"        // IWYU pragma: export
#include "runtime/sched/poller.hpp"        // IWYU pragma: export
#include "runtime/sched/post_ring.hpp"     // IWYU pragma: export
#include "runtime/sched/posts.hpp"         // IWYU pragma: export
#include "runtime/sched/record.hpp"        // IWYU pragma: export
#include "runtime/sched/scheduler.hpp"     // IWYU pragma: export
#include "runtime/sched/skipped.hpp"       // IWYU pragma: export
#include "runtime/sched/spawn.hpp"         // IWYU pragma: export
#include "runtime/sched/stall.hpp"         // IWYU pragma: export
#include "runtime/sched/system_stack.hpp"  // IWYU pragma: export
#include "runtime/sched/wait.hpp"          // IWYU pragma: export
#include "runtime/sched/whose_stack.hpp"   // IWYU pragma: export
