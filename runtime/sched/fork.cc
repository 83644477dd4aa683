// SPDX-License-Identifier: MIT
#include "runtime/sched/fork.hpp"

#include <unistd.h>

#include "runtime/sched/callees.hpp"
#include "runtime/sched/foreign.hpp"
#include "runtime/sched/poller.hpp"
#include "runtime/sched/post_ring.hpp"
#include "runtime/sched/posts.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/spawn.hpp"

namespace causeway::sched {

namespace {

constexpr int kReturnedIntoGreen = 70;  // EX_SOFTWARE

}  // namespace

void forked_child() noexcept {
  const Phase parents = phase();
  M* own = foreign::bound_m(*os::thread_words());
  if (own != nullptr) own->tid.store(os::thread_id(), std::memory_order_relaxed);
  forget_stops();
  foreign::shut_in_child(parents != Phase::Off);
  if (parents == Phase::Off) return;
  if (own != nullptr && !own->foreign) {
    own->lost = true;
    own->gate.clear(crossing::poll::kStop);
    static_cast<void>(own->gate.request(crossing::poll::kSlow));
  }
  // While it starts or ends there may be half an arena, and nobody has a record of it.
  if ((parents == Phase::Running || parents == Phase::Stopping) && scheduler().arena != nullptr) scheduler().arena->lose();
  process.phase.store(Phase::Forked, std::memory_order_release);
}

cw_status restart_in_child(LeftText* why) noexcept {
  base::LockGuard guard(process.lifecycle);
  switch (phase()) {
    case Phase::Off: return CW_OK;
    case Phase::Forked: break;
    default: why->append("this process has a runtime of its own; a restart is for a child of fork()"); return CW_E_STATE;
  }
  if (this_m() != nullptr) {
    why->append(
        "a green thread of the parent process cannot restart the runtime that it belongs to; exec, or restart from C code that it called");
    return CW_E_STATE;
  }
  forget_poller();
  stop_posts();
  forget_own_signal();
  forget_monitor();
  forget_blocked_threads();
  foreign::forget_threads();
  callees::forget();
  forget_scheduler();
  process.foreign_calls.store(0, std::memory_order_relaxed);  // relaxed: published by the phase
  process.phase.store(Phase::Off, std::memory_order_release);
  return CW_OK;
}

bool on_lost_green() noexcept {
  const M* m = this_m();
  return m != nullptr && m->lost;
}

void child_returned_into_green() noexcept {
  base::raw_write(
      "causeway: a child of fork() returned into a green thread, which nobody runs there: exec, _exit or stay in C in the child "
      "(exit status 70)\n");
  _exit(kReturnedIntoGreen);
}

}  // namespace causeway::sched
