// SPDX-License-Identifier: MIT
//
// cw_options_*, cw_runtime_*, cw_stats_init, cw_version: the runtime's options, start, stop and counters.
#include "bridge/capi/runtime.hpp"

#include <stdlib.h>
#include <string.h>

#include "bridge/capi/fork.hpp"
#include "bridge/capi/handle_table.hpp"
#include "bridge/capi/last_error.hpp"
#include "bridge/capi/leaving.hpp"
#include "bridge/capi/options.hpp"
#include "bridge/capi/uncaught.hpp"
#include "bridge/closure/closure.hpp"
#include "bridge/inbound/inbound.hpp"
#include "runtime/os/os.hpp"
#include "runtime/sched/sched.hpp"
#include "runtime/trace/trace.hpp"
#include "runtime/world/world.hpp"

namespace causeway::capi {

namespace {

struct Defaults {
  base::Lock lock{base::LockRank::Runtime};
  // --- guarded by lock ---
  bool set = false;
  cw_options options{};
  char* check = nullptr;  // own copy of options.check
};
constinit Defaults defaults;
CW_STATIC_LOCK(defaults.lock);

// The defaults, with a text of their own: another thread may set new ones, and free the old text, at any time.
struct CopiedDefaults {
  CopiedDefaults() noexcept {
    base::LockGuard guard(defaults.lock);
    options = defaults.set ? defaults.options : default_options();
    if (defaults.check == nullptr) return;
    check = strdup(defaults.check);
    options.check = check;
  }
  ~CopiedDefaults() { free(check); }
  CopiedDefaults(const CopiedDefaults&) = delete;
  CopiedDefaults& operator=(const CopiedDefaults&) = delete;
  bool complete() const noexcept { return options.check != nullptr; }

  cw_options options;
  char* check = nullptr;
};
constexpr const char* kNoCopy = "no memory for a copy of option check";

// A post on its green thread.
void construct_post(void* payload, void* source) { *static_cast<sched::Post*>(payload) = *static_cast<sched::Post*>(source); }
void destroy_post(void*) {}
int run_post(void* payload) {
  const sched::Post post = *static_cast<sched::Post*>(payload);
  run_guarded([&] { post.fn(post.arg); }, [](const char* what) { uncaught(what); });
  return 0;
}
constexpr cw_abi_task_ops post_ops{construct_post, run_post, destroy_post, nullptr};

cw_status start(const cw_options& options, sched::StartKind kind) noexcept {
  Resolved resolved;
  Complaint complaint;
  if (const cw_status status = resolve(options, &resolved, &complaint); status != CW_OK) return fail(status, complaint.view());
  resolved.options.post_ops = &post_ops;
  if (const cw_status status = pin_object(); status != CW_OK) return status;
  if (const cw_status status = register_fork_handlers(); status != CW_OK) return status;
  watch_exit();
  trace::install_fatal_hook();
  trace::install_report_names();
  trace::register_crash_reports();
  if (auto started = sched::start(resolved.options, resolved.barrier, kind); !started) return fail(started.error());
  return CW_OK;
}

}  // namespace

cw_status ensure_started() noexcept {
  if (sched::phase() == sched::Phase::Running) return CW_OK;
  if (sched::current_green() != nullptr && !sched::on_lost_green()) return CW_OK;  // stopping, while we run: the callee says so
  if (sched::starting_here())
    return fail(CW_E_NOT_READY, "this thread is starting the runtime right now; it is there when that call has returned");
  if (sched::phase() == sched::Phase::Forked) return fail(CW_E_FORKED, sched::kForkedText);
  const CopiedDefaults copy;
  if (!copy.complete()) return fail(CW_E_NOMEM, kNoCopy);
  const cw_options& options = copy.options;
  const uint64_t begun = os::now_ns();
  while (sched::phase() != sched::Phase::Running) {
    if (options.implicit_start != 0 && sched::phase() != sched::Phase::Starting) return start(options, sched::StartKind::Implicit);
    if (os::now_ns() - begun >= options.start_wait_ns)
      return fail(CW_E_NOT_READY, options.implicit_start != 0
                                      ? "another thread has been starting or stopping the runtime for longer than option start_wait_ns"
                                      : "no runtime was started in time, and option implicit_start is off; call cw_runtime_start first");
    os::sleep_ns(1'000'000);
  }
  return CW_OK;
}

}  // namespace causeway::capi

using causeway::capi::fail;

extern "C" {

cw_status cw_options_init(cw_options* options) {
  if (options == nullptr) return fail(CW_E_INVALID, "cw_options_init: options is NULL");
  *options = causeway::capi::default_options();
  return CW_OK;
}

cw_status cw_options_set_default(const cw_options* options) {
  namespace capi = causeway::capi;
  cw_options copy{};
  char* check = nullptr;
  if (options != nullptr) {
    capi::Complaint complaint;
    capi::Resolved ignored;
    if (capi::adopt(options, &copy, &complaint) != CW_OK || capi::resolve(copy, &ignored, &complaint) != CW_OK)
      return fail(CW_E_INVALID, complaint.view());
    check = strdup(copy.check);
    if (check == nullptr) return fail(CW_E_NOMEM, capi::kNoCopy);
    copy.check = check;
  }
  char* old;
  {
    causeway::base::LockGuard guard(capi::defaults.lock);
    old = capi::defaults.check;
    capi::defaults.set = options != nullptr;
    capi::defaults.options = copy;
    capi::defaults.check = check;
  }
  free(old);
  return CW_OK;
}

cw_status cw_runtime_start(const cw_options* options) {
  namespace capi = causeway::capi;
  if (options == nullptr) {
    const capi::CopiedDefaults defaults;
    if (!defaults.complete()) return fail(CW_E_NOMEM, capi::kNoCopy);
    return capi::start(defaults.options, causeway::sched::StartKind::Explicit);
  }
  cw_options copy{};
  capi::Complaint complaint;
  if (capi::adopt(options, &copy, &complaint) != CW_OK) return fail(CW_E_INVALID, complaint.view());
  return capi::start(copy, causeway::sched::StartKind::Explicit);
}

cw_status cw_runtime_stop(uint64_t timeout_ns) {
  if (causeway::capi::leaving()) return CW_OK;  // the process's end stops it
  causeway::inbound::see_jumps(causeway::sched::frame_here());
  causeway::sched::LeftText left;
  const cw_status status = causeway::sched::stop(timeout_ns, &left);
  if (status != CW_OK) return fail(status, left.view());
  if (causeway::sched::phase() == causeway::sched::Phase::Off) causeway::trace::forget_names();
  return CW_OK;
}

const char* cw_version(void) { return CW_VERSION; }

cw_status cw_stats_init(cw_stats* stats) {
  if (stats == nullptr) return fail(CW_E_INVALID, "cw_stats_init: stats is NULL");
  *stats = cw_stats{};
  stats->size = sizeof *stats;
  return CW_OK;
}

cw_status cw_runtime_stats(cw_stats* stats) {
  if (stats == nullptr) return fail(CW_E_INVALID, "cw_runtime_stats: stats is NULL");
  if (stats->size < sizeof(size_t) || stats->size > sizeof *stats)
    return fail(CW_E_INVALID, "cw_runtime_stats: the struct's size is not set; fill it with cw_stats_init first");
  const causeway::sched::Counters c = causeway::sched::counters();
  cw_stats full{};
  full.size = stats->size;
  full.processors = c.processors;
  full.workers = c.workers;
  full.greens = c.greens;
  full.greens_parked = c.greens_parked;
  full.spawned = c.spawned;
  full.hogs_detached = c.hogs_detached;
  full.stack_bytes = c.stack_bytes;
  full.foreign_threads = c.foreign_threads;
  full.spare_threads = c.spare_threads;
  full.calls_in = c.calls_in;
  full.calls_out = c.calls_out;
  full.nested = c.nested;
  full.handoffs = c.handoffs;
  full.stacks_learned = c.stacks_learned;
  full.stacks_accepted = c.stacks_accepted;
  full.records_retired = c.records_retired;
  full.posts_dropped = c.posts_dropped;
  full.world_stops = causeway::world::stops();
  const causeway::closure::Counters callbacks = causeway::closure::counters();
  full.callbacks_live = callbacks.live;
  full.callbacks_dead_called = callbacks.dead_called;
  full.handles_live = causeway::capi::handles().live();
  memcpy(stats, &full, stats->size);
  return CW_OK;
}

}  // extern "C"
