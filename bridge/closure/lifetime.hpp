// SPDX-License-Identifier: MIT
//
// Waiting for the end of calls, for lifetime.cc and owner.cc.
#pragma once

#include "bridge/closure/idle.hpp"
#include "bridge/closure/slot.hpp"
#include "runtime/base/base.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::closure {

// The last step of create(). With an owner: under its lock, so that who closes it finds the callback open, or refuses it.
void open(Slot* slot) noexcept;

// Number of watched calls that have ended, and a wait for the next one: CW_OK if there was one since `ends`.
uint64_t watched_ends() noexcept;
cw_status wait_for_end(uint64_t ends, const void* object, uint64_t deadline_ns, bool cancellable, sched::StopPoint* stop) noexcept;

// Until look() finds nobody: idle.hpp. timeout_ns 0: no wait, CW_E_TIMEOUT
template <class Look>
cw_status wait_until_idle(Look look, const void* object, uint64_t timeout_ns, bool cancellable, sched::StopPoint* stop) noexcept {
  struct Host {
    const void* object;
    uint64_t deadline;
    bool may_wait, cancellable;
    sched::StopPoint* stop;
    static uint64_t ends() noexcept { return watched_ends(); }
    static uint64_t marks() noexcept { return sched::callees::marks(); }
    bool expired() const noexcept { return may_wait && deadline != sched::kNoDeadline && os::now_ns() >= deadline; }
    cw_status wait_for_end(uint64_t ends) const noexcept {
      return may_wait ? closure::wait_for_end(ends, object, deadline, cancellable, stop) : CW_E_TIMEOUT;
    }
  } host{object, timeout_ns == CW_FOREVER ? sched::kNoDeadline : sched::deadline_after(timeout_ns), timeout_ns != 0, cancellable, stop};
  return wait_until_idle<base::RealAtomics>(host, look);
}

}  // namespace causeway::closure
