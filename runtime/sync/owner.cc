// SPDX-License-Identifier: MIT
#include "runtime/sync/owner.hpp"

#include "runtime/os/os.hpp"

namespace causeway::sync {

bool owned_by_caller(const sched::WaitScope& scope, uintptr_t& owner_word, uintptr_t frame) noexcept {
  constexpr uintptr_t kNear = uintptr_t{8} << 20;  // the usual size of a thread's stack
  // relaxed: only our own store could make it an address of our stack.
  const uintptr_t owner = std::atomic_ref<uintptr_t>(owner_word).load(std::memory_order_relaxed);
  if (owner == 0) return false;
  if (const sched::G* g = scope.green()) {
    // Of a call in also whoever called out above it: nobody would let go while this one waits.
    for (; g != nullptr; g = sched::outer_of(g))
      if (owner >= reinterpret_cast<uintptr_t>(g->stack.low) && owner < reinterpret_cast<uintptr_t>(g->stack.high)) return true;
    return false;
  }
  // Far apart: not one stack, save for a very deep one. Asking for the bounds is slow on the main thread.
  if ((owner > frame ? owner - frame : frame - owner) > kNear) return false;
  uintptr_t low = 0;
  uintptr_t high = 0;
  return os::thread_stack_bounds(&low, &high) && owner >= low && owner < high && frame >= low && frame < high;
}

}  // namespace causeway::sync
