// SPDX-License-Identifier: MIT
//
// Stacks of green threads: where they come from, what guards them, and which one an address belongs to.
//
// May include: include/, arch/, runtime/base, runtime/os. Used by crossing, sched and above.
//
//   stack_class.hpp  the four sizes, and Stack {low, high}
//   guard.hpp        how the range below a stack is closed: light, PROT_NONE, or only watched
//   slab.hpp         slabs: 256 MiB of one class, cut into slots; address -> slot, without a lock
//   class_pool.hpp   the free stacks of one class, and the promises made on them
//   pool.hpp         Pool: all classes of one runtime
//   cache.hpp        Cache: what one P keeps, no lock on the warm path
//   scavenge.hpp     which free stacks keep their pages
//   residency.hpp    which pages of a range are in memory; how deep a stack was used
//   overflow.hpp     the report when a guard is hit
//
// Life of a stack: spawn reserves (Cache::reserve: a promise that a prepared slot exists) - the first run binds (Cache::bind: cannot
// fail) - the end of the green thread releases, after the switch away from it (Cache::release). A green thread that never runs
// gives its promise back (Cache::unreserve).
#pragma once

#include "runtime/stack/cache.hpp"
#include "runtime/stack/overflow.hpp"
#include "runtime/stack/pool.hpp"
#include "runtime/stack/residency.hpp"
#include "runtime/stack/stack_class.hpp"
