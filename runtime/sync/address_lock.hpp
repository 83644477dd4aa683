// SPDX-License-Identifier: MIT
//
// The waiters' locks of mutexes and wait groups: a fixed table, chosen by the object's address.
//
// Why not in the object: whoever gets a mutex, or leaves a wait, may free its memory at once, while the call that let it go still has
// this lock to release. The table stays. It also keeps the layout in causeway/abi.h the same in every build. Two objects that share a
// lock only wait for each other's few instructions.
#pragma once

#include "runtime/base/base.hpp"

namespace causeway::sync {

// Rank Object; an operation holds at most one of them.
base::Lock& address_lock(const void* object) noexcept;

}  // namespace causeway::sync
