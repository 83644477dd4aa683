// SPDX-License-Identifier: MIT
//
// Stops of the world: cw_world_run, cw_world_visit, cw_world_visit_all.
#include "runtime/world/world.hpp"
#include "bridge/capi/last_error.hpp"
#include "runtime/sched/sched.hpp"

using causeway::capi::fail;
namespace world = causeway::world;

cw_status cw_world_run(uint64_t timeout_ns, cw_fn fn, void* arg) {
  if (fn == nullptr) return fail(CW_E_INVALID, "cw_world_run: fn is NULL");
  world::LateText late;
  switch (const cw_status status = world::run(timeout_ns, fn, arg, &late)) {
    case CW_OK: return CW_OK;
    case CW_E_TIMEOUT: return fail(CW_E_TIMEOUT, late.c_str());
    case CW_E_STATE: return CW_E_STATE;  // the world stands still: no text
    case CW_E_NOT_READY: return fail(status, "cw_world_run: no runtime is running");
    case CW_E_FORKED: return causeway::capi::fail_in("cw_world_run", status, causeway::sched::kForkedText);
    case CW_E_NOMEM: return fail(status, "cw_world_run: no memory to look for what check mode `world` forbids");
    default: return fail(status, "cw_world_run: not in a signal handler");
  }
}

// No texts: the world stands still.
cw_status cw_world_visit(cw_visitor visitor, void* arg) {
  return visitor == nullptr ? CW_E_INVALID : world::visit(visitor, arg, world::Parts::Green);
}

cw_status cw_world_visit_all(cw_visitor visitor, void* arg) {
  return visitor == nullptr ? CW_E_INVALID : world::visit(visitor, arg, world::Parts::GreenAndC);
}
