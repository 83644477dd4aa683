// SPDX-License-Identifier: MIT
//
// Waiting for the end of calls, for lifetime.cc and owner.cc.
#pragma once

#include "bridge/closure/slot.hpp"
#include "runtime/base/base.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::closure {

// The last step of create(). With an owner: under its lock, so that who closes it finds the callback open, or refuses it.
void open(Slot* slot) noexcept;

// Number of watched calls that have ended, and a wait for the next one: CW_OK if there was one since `ends`.
uint64_t watched_ends() noexcept;
cw_status wait_for_end(uint64_t ends, const void* object, uint64_t deadline_ns, bool cancellable, sched::StopPoint* stop) noexcept;

// Until look() finds nobody. look: a number of calls, by sched::callees::watch(), of callbacks that were closed before.
template <class Look>
cw_status wait_until_idle(Look look, const void* object, uint64_t timeout_ns, bool cancellable, sched::StopPoint* stop) noexcept {
  const uint64_t deadline = timeout_ns == CW_FOREVER ? sched::kNoDeadline : sched::deadline_after(timeout_ns);
  for (;;) {
    const uint64_t ends = watched_ends();
    const uint64_t marks = sched::callees::marks();
    base::asym::heavy();
    if (look() == 0) return CW_OK;
    if (sched::callees::marks() != marks) continue;  // heavy, and once more: INV-CA2
    if (timeout_ns == 0) return CW_E_TIMEOUT;
    if (const cw_status status = wait_for_end(ends, object, deadline, cancellable, stop); status != CW_OK) return status;
  }
}

}  // namespace causeway::closure
