// SPDX-License-Identifier: MIT
#include "bridge/capi/leaving.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "bridge/inbound/inbound.hpp"
#include "bridge/outbound/outbound.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::capi {

namespace {

constinit std::atomic<pid_t> leaves{0};  // the process that does: a child of fork() is another one

void exit_in_c(void* status) { std::exit(*static_cast<int*>(status)); }  // goes on with the handlers that are left

void on_exit_called(int status, void* /*unused*/) {
  inbound::see_jumps(sched::frame_here());
  const sched::G* g = sched::current_green();
  const sched::M* m = sched::foreign::bound_m(*os::thread_words());
  if (g == nullptr && (m == nullptr || (m->foreign && m->inside() == 0))) return;
  if (leaves.exchange(getpid(), std::memory_order_relaxed) == getpid()) return;  // another of ours
  if (g != nullptr) static_cast<void>(outbound::call(CW_QUICK, &exit_in_c, &status, reinterpret_cast<const void*>(&std::exit)));
}

}  // namespace

void watch_exit() noexcept {
  sched::set_exit_handler(&on_exit_called);
  sched::watch_exit(sched::ExitPlace::Start);
}

bool leaving() noexcept { return leaves.load(std::memory_order_relaxed) == getpid(); }

}  // namespace causeway::capi
