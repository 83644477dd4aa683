// SPDX-License-Identifier: MIT
//
// Calls out: cw_call, and what causeway/abi.h has for causeway::call.
#include <cxxabi.h>

#include <exception>
#include <utility>

#include "bridge/capi/last_error.hpp"
#include "bridge/capi/tunnel.hpp"
#include "bridge/outbound/outbound.hpp"
#include "causeway/abi.h"

namespace causeway::capi {

namespace {

// A C++ function may have been given as a C one: what it throws waits on the C stack's side until the call is over.
struct Guarded {
  cw_fn fn;
  void* arg;
  std::exception_ptr thrown;

  static void run(void* self) {
    auto* me = static_cast<Guarded*>(self);
    try {
      me->fn(me->arg);
    } catch (const abi::__forced_unwind&) { throw; } catch (...) {
      if (cw_abi_passes() != 0) throw;
      me->thrown = std::current_exception();
    }
  }
};

}  // namespace

}  // namespace causeway::capi

using causeway::capi::Guarded;

[[gnu::hot]] const void** cw_abi_leaf_begin(const void* function) { return causeway::outbound::leaf_begin(function); }

[[gnu::hot]] cw_status cw_abi_call(int kind, cw_abi_body body, void* frame, const void* function) {
  if (kind == CW_QUICK) [[likely]]
    return causeway::outbound::call_quick(body, frame, function);
  return causeway::outbound::call(kind, body, frame, function);
}

cw_status cw_call(int kind, cw_fn fn, void* arg) {
  if (fn == nullptr) return causeway::capi::fail(CW_E_INVALID, "cw_call: fn is NULL");
  if (kind < CW_LEAF || kind > CW_BLOCKING) return causeway::capi::fail(CW_E_INVALID, "cw_call: kind is CW_LEAF, CW_QUICK or CW_BLOCKING");
  Guarded call{fn, arg, {}};
  if (cw_abi_call(kind, &Guarded::run, &call, reinterpret_cast<const void*>(fn)) == CW_E_PANIC)
    return causeway::capi::fail_tunnelled(call.thrown);
  if (call.thrown) std::rethrow_exception(std::move(call.thrown));
  return CW_OK;
}
