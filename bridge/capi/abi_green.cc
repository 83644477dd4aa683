// SPDX-License-Identifier: MIT
//
// The green-thread part of causeway/abi.h: thin over sched/spawn.hpp. A cw_abi_green is a sched::G of which the holder has a reference.
#include "bridge/capi/last_error.hpp"
#include "bridge/capi/runtime.hpp"
#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace capi = causeway::capi;
namespace sched = causeway::sched;
using causeway::capi::fail;

namespace {

sched::G* inner(cw_abi_green* green) noexcept { return reinterpret_cast<sched::G*>(green); }

}  // namespace

extern "C" {

cw_status cw_abi_spawn(const cw_abi_task_ops* ops, void* source, const cw_spawn_options* options, int detached, cw_abi_green** out) {
  sched::SpawnRequest request{};
  request.ops = ops;
  request.source = source;
  request.detached = detached != 0;
  request.place = reinterpret_cast<uintptr_t>(__builtin_return_address(0));
  if (options != nullptr) {
    if (options->size < sizeof(size_t) || options->size > sizeof *options)
      return fail(CW_E_INVALID, "spawn: the options' size is not set; fill the struct with cw_spawn_options_init first");
    if (options->size != sizeof *options) return fail(CW_E_INVALID, "spawn: the options are of a size that no version has had");
    request.name = options->name;
    request.stack_size = options->stack_size;
    request.locked = options->locked != 0;
  }
  if (sched::phase() != sched::Phase::Running) {
    if (const cw_status status = capi::ensure_started(); status != CW_OK) return status;
  }
  sched::G* g = nullptr;
  if (auto spawned = sched::spawn(request, &g); !spawned) return fail(spawned.error());
  if (out != nullptr && detached == 0) *out = reinterpret_cast<cw_abi_green*>(g);
  return CW_OK;
}

cw_status cw_abi_task_join(cw_abi_green* green, uint64_t timeout_ns, void** payload, int* outcome, cw_abi_stop_wait* stop) {
  sched::G* g = inner(green);
  if (const cw_status status = sched::join(g, timeout_ns, true, sched::stop_point(stop)); status != CW_OK) return status;
  *payload = g->payload;
  *outcome = g->outcome;
  return CW_OK;
}

cw_status cw_abi_sleep(uint64_t ns, cw_abi_stop_wait* stop) {
  if (ns == 0) {
    if (sched::on_lost_green()) return CW_E_FORKED;
    sched::yield();
    return CW_OK;
  }
  sched::WaitScope scope;
  if (scope.async()) return scope.refusal();
  sched::WaitOptions options;
  options.deadline_ns = sched::deadline_after(ns);
  options.cancellable = true;
  options.what = "time to pass";
  options.stop = sched::stop_point(stop);
  return scope.sleep(options) == sched::WaitEnd::Cancelled ? CW_E_CANCELLED : CW_OK;
}

cw_status cw_abi_task_settle(cw_abi_green* green) { return sched::join(inner(green), CW_FOREVER, false); }

void cw_abi_task_release(cw_abi_green* green) { sched::release(inner(green)); }

cw_status cw_abi_request_stop(cw_abi_green* green) {
  sched::request_stop(inner(green));
  return CW_OK;
}

uint64_t cw_abi_green_id(cw_abi_green* green) { return inner(green)->id; }

cw_abi_green* cw_abi_current(void) { return reinterpret_cast<cw_abi_green*>(sched::current_green()); }

void* cw_abi_stop_state(cw_abi_green* green, void* (*make)(void), const cw_abi_stop_ops* ops) {
  return sched::stop_state(inner(green), make, ops);
}

cw_status cw_abi_set_last_error(cw_status status, const char* text) { return fail(status, text); }

}  // extern "C"
