// SPDX-License-Identifier: MIT
//
// fork(): the handlers that the first start registers, and cw_runtime_restart_in_child.
//
//   before    waits for the static locks (base/static_lock.hpp), for a moment at most: who forks may have one himself (a log function that
//             forks has the log's), and the parent must not hang for that. What is not free by then stays as it is in the child.
//   parent    gives them back.
//   child     frees them all, and shuts the gates (sched/fork.hpp). No log, no allocation, no lock.
//
// pthread_atfork cannot be taken back, so the object that has the handlers must stay loaded (pin.cc).
#include <pthread.h>

#include "bridge/capi/fork.hpp"
#include "bridge/capi/handle_holds.hpp"
#include "bridge/capi/last_error.hpp"
#include "bridge/closure/closure.hpp"
#include "bridge/inbound/inbound.hpp"
#include "runtime/base/base.hpp"
#include "runtime/os/os.hpp"
#include "runtime/sched/sched.hpp"
#include "runtime/trace/trace.hpp"
#include "runtime/world/world.hpp"

namespace causeway::capi {

namespace {

constexpr uint64_t kPatienceNs = 50'000'000;  // for all of them together; one is held for microseconds, the start's for milliseconds
constexpr uint64_t kNapNs = 20'000;
constexpr size_t kMostLocks = 1024;

struct Handlers {
  base::Lock lock{base::LockRank::Runtime};
  bool registered = false;  // guarded by lock
  // Which ones before() has. By the thread that forks: the C library lets one at a time.
  bool taken[kMostLocks]{};
};
constinit Handlers handlers;

bool take_before(base::Lock& lock, uint64_t deadline) noexcept {
  while (!lock.try_lock_for_fork()) {
    if (os::now_ns() >= deadline) return false;
    os::sleep_ns(kNapNs);
  }
  return true;
}

void before() noexcept {
  const uint64_t deadline = os::now_ns() + kPatienceNs;
  size_t n = 0;
  base::for_each_static_lock([&](base::Lock& lock) {
    if (n < kMostLocks) handlers.taken[n] = take_before(lock, deadline);
    ++n;
  });
}

void in_parent() noexcept {
  size_t n = 0;
  base::for_each_static_lock([&](base::Lock& lock) {
    if (n < kMostLocks && handlers.taken[n]) lock.unlock_after_fork();
    ++n;
  });
}

void in_child() noexcept {
  base::for_each_static_lock([](base::Lock& lock) { lock.free_in_child(); });
  handlers.lock.free_in_child();
  base::forget_fatal_in_child();
  trace::forget_crash_in_child();
  trace::forget_names_in_child();
  world::forget_in_child();
  closure::forget_in_child();
  forget_holds_in_child();
  sched::forked_child();
}

}  // namespace

cw_status register_fork_handlers() noexcept {
  base::LockGuard guard(handlers.lock);
  if (handlers.registered) return CW_OK;
  if (pthread_atfork(&before, &in_parent, &in_child) != 0) return fail(CW_E_NOMEM, "no memory to be told of a fork");
  handlers.registered = true;
  return CW_OK;
}

}  // namespace causeway::capi

cw_status cw_runtime_restart_in_child(void) {
  causeway::inbound::see_jumps(causeway::sched::frame_here());
  // First, for a hold that comes after the restart is another one's. A green thread is refused the restart.
  if (causeway::sched::phase() == causeway::sched::Phase::Forked && causeway::sched::current_green() == nullptr)
    causeway::capi::forget_holds_of_greens();
  causeway::sched::LeftText why;
  const cw_status status = causeway::sched::restart_in_child(&why);
  if (status != CW_OK) return causeway::capi::fail(status, why.view());
  causeway::trace::forget_names();
  return CW_OK;
}
