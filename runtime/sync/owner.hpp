// SPDX-License-Identifier: MIT
//
// Who holds a mutex, a shared mutex alone, or does a once: an address in the holder's stack frame, or 0, in a word beside the state.
//
// An address costs the header nothing, where an id of the caller would cost a thread-local read in the inline path. Whether it is the
// caller's own is asked only by who would wait.
//
//   INV-OW1  The word is an address in the stack of who holds the object, or 0; the holder clears it before it lets go. So nobody finds an
//            address of his own stack there unless he is the holder.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/sched/sched.hpp"

namespace causeway::sync {

// Needs: the caller is about to wait, so that a few microseconds for a plain thread do not matter. frame: an address in the caller's stack.
// False also for a plain thread whose two frames are over 8 MiB apart: then a second lock hangs.
bool owned_by_caller(const sched::WaitScope& scope, uintptr_t& owner, uintptr_t frame) noexcept;

inline void set_owner(uintptr_t& owner, uintptr_t frame) noexcept {
  std::atomic_ref<uintptr_t>(owner).store(frame, std::memory_order_relaxed);  // relaxed: INV-OW1
}

}  // namespace causeway::sync
