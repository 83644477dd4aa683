// SPDX-License-Identifier: MIT
//
// Row 8: where green threads and plain threads meet. May include rows 1 to 7, and not runtime/io.
//
// All objects here work between any mix of green threads and plain OS threads: sched::WaitScope tells what a wait blocks. The typed
// classes over them are the public headers'.
#pragma once

#include "runtime/sync/address_lock.hpp"  // IWYU pragma: export
#include "runtime/sync/channel.hpp"       // IWYU pragma: export
#include "runtime/sync/condition.hpp"     // IWYU pragma: export
#include "runtime/sync/event.hpp"         // IWYU pragma: export
#include "runtime/sync/mutex.hpp"         // IWYU pragma: export
#include "runtime/sync/once.hpp"          // IWYU pragma: export
#include "runtime/sync/select.hpp"        // IWYU pragma: export
#include "runtime/sync/semaphore.hpp"     // IWYU pragma: export
#include "runtime/sync/shared_mutex.hpp"  // IWYU pragma: export
#include "runtime/sync/wait_group.hpp"    // IWYU pragma: export
#include "runtime/sync/wait_queue.hpp"    // IWYU pragma: export
