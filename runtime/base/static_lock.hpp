// SPDX-License-Identifier: MIT
//
// The locks in static storage, known by a line beside each: CW_STATIC_LOCK(table.lock).
//
// A fork copies a process with one of its threads. What another thread was changing at that moment stays half changed in the child, and its
// lock taken for ever. So fork() waits for these locks, and frees them in the parent and in the child (bridge/capi/fork.cc). Locks of records
// that a child throws away (a scheduler, its stacks) need no such line.
//
// The table is a section of the object that the library is linked into: nobody has to be called at start-up, and a lock that is not linked is not
// in it. Not chosen: a list by name in one file (locks are private to theirs).
#pragma once

#include <cstddef>

#include "runtime/base/lock.hpp"

namespace causeway::base {

// `count` locks, each `stride` bytes behind the one before.
struct StaticLocks {
  Lock* first;
  size_t count, stride;
};

// Calls visit(lock) for each.
template <class Visit>
void for_each_static_lock(Visit visit) noexcept;

}  // namespace causeway::base

#define CW_STATIC_LOCK_ARRAY(lock, count, stride) CW_STATIC_LOCKS_AT(lock, count, stride, __LINE__)
#define CW_STATIC_LOCK(lock) CW_STATIC_LOCK_ARRAY(lock, 1, 0)
// By its line: one name per use.
#define CW_STATIC_LOCKS_AT(lock, count, stride, line) CW_STATIC_LOCKS_NAMED(lock, count, stride, line)
#define CW_STATIC_LOCKS_NAMED(lock, count, stride, line)                                   \
  [[gnu::section("causeway_locks"), gnu::used, gnu::aligned(alignof(void*)),               \
    CW_RETAIN]] static constinit const ::causeway::base::StaticLocks static_locks_##line { \
    &(lock), count, stride                                                                 \
  }

// By these names the linker gives the section's bounds.
extern "C" {
[[gnu::visibility("hidden")]] extern const causeway::base::StaticLocks __start_causeway_locks[];  // NOLINT(bugprone-reserved-identifier)
[[gnu::visibility("hidden")]] extern const causeway::base::StaticLocks __stop_causeway_locks[];   // NOLINT(bugprone-reserved-identifier)
}

template <class Visit>
void causeway::base::for_each_static_lock(Visit visit) noexcept {
  for (const StaticLocks* each = __start_causeway_locks; each != __stop_causeway_locks; ++each)
    for (size_t i = 0; i < each->count; ++i) visit(*reinterpret_cast<Lock*>(reinterpret_cast<std::byte*>(each->first) + i * each->stride));
}
