// SPDX-License-Identifier: MIT
//
// cw_green_* and cw_thread_*: green threads of the C interface. A handle's slot holds a reference to the record; the handle may outlive
// the runtime, and then still tells how its green thread ended.
#include <atomic>
#include <new>

#include "bridge/capi/handle_table.hpp"
#include "bridge/capi/last_error.hpp"
#include "bridge/capi/meeting_point.hpp"
#include "bridge/capi/runtime.hpp"
#include "bridge/capi/uncaught.hpp"
#include "bridge/inbound/inbound.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::capi {

namespace {

struct Body {
  cw_fn fn;
  void* arg;
};

void construct(void* payload, void* source) { *static_cast<Body*>(payload) = *static_cast<Body*>(source); }
void destroy_nothing(void*) {}

// A C++ exception that leaves a C green thread: its joiner is told (CW_E_PANIC). Foreign unwinding passes.
int run_joinable(void* payload) {
  const Body body = *static_cast<Body*>(payload);
  return run_guarded([&] { body.fn(body.arg); }) ? 1 : 0;
}

int run_detached(void* payload) {
  const Body body = *static_cast<Body*>(payload);
  run_guarded([&] { body.fn(body.arg); }, [](const char* what) { uncaught(what); });
  return 0;
}

constexpr cw_abi_task_ops kJoinable{construct, run_joinable, destroy_nothing, nullptr};
constexpr cw_abi_task_ops kDetached{construct, run_detached, destroy_nothing, nullptr};

// What a handle's slot holds.
struct Reference {
  sched::G* g = nullptr;
  // A join or a detach is under way: one at a time may take the handle away.
  std::atomic<bool> taken{false};

  // acquire/release: what the last one did with the record.
  bool take() noexcept { return !taken.exchange(true, std::memory_order_acq_rel); }
  void give_back() noexcept { taken.store(false, std::memory_order_release); }
};

// The green thread whose code, of the frame sp, asks. Managed code that has jumped to C is none.
const sched::G* caller(uintptr_t sp) noexcept {
  const sched::G* g = sched::current_green();
  if (g == nullptr || sp - reinterpret_cast<uintptr_t>(g->stack.low) < g->stack.bytes()) return g;
  inbound::see_jumps(sp);
  return sched::current_green();
}

void end_reference(HandleSlot& slot) noexcept { sched::release(slot.as<Reference>().g); }

const char* join_error_text(cw_status status) noexcept {
  switch (status) {
    case CW_E_STATE: return "cw_green_join: a green thread cannot wait for its own end";
    case CW_E_TIMEOUT: return "cw_green_join: the green thread has not ended in time";
    case CW_E_CANCELLED: return "cw_green_join: the waiting green thread was asked to stop";
    case CW_E_FORKED: return "cw_green_join: the green thread is one of the parent process; nobody runs it in this child of a fork";
    default: return "cw_green_join: not in a signal handler that interrupted the runtime";
  }
}

// Makes the handle stale. Only who has take()n the reference calls this, so the handle is live.
void remove_taken(cw_green green) noexcept {
  HandleSlot* slot = nullptr;
  const cw_status removed = handles().remove(green, HandleKind::Green, &slot);
  CW_CHECK(removed == CW_OK, "the handle of a taken reference is live");
  PinScope pin(*slot, end_reference);
}

cw_status handle_failed(const char* call, cw_status status) noexcept { return fail_in(call, status, handle_error_text(status)); }

}  // namespace

}  // namespace causeway::capi

namespace capi = causeway::capi;
namespace sched = causeway::sched;
using causeway::capi::fail;

extern "C" {

cw_status cw_spawn_options_init(cw_spawn_options* options) {
  if (options == nullptr) return fail(CW_E_INVALID, "cw_spawn_options_init: options is NULL");
  *options = cw_spawn_options{};
  options->size = sizeof *options;
  return CW_OK;
}

cw_status cw_green_spawn(cw_fn fn, void* arg, const cw_spawn_options* options, cw_green* out) {
  if (fn == nullptr) return fail(CW_E_INVALID, "cw_green_spawn: fn is NULL");
  capi::HandleSlot* slot = nullptr;
  if (out != nullptr) {
    auto reserved = capi::handles().reserve();
    if (!reserved) return fail(reserved.error());
    slot = *reserved;
  }
  capi::Body body{fn, arg};
  cw_abi_green* green = nullptr;
  const cw_status status = cw_abi_spawn(out != nullptr ? &capi::kJoinable : &capi::kDetached, &body, options, out == nullptr, &green);
  if (status != CW_OK) {
    if (slot != nullptr) capi::handles().release(*slot);
    return status;
  }
  if (slot != nullptr) {
    new (slot->storage) capi::Reference{reinterpret_cast<sched::G*>(green)};
    *out = capi::handles().publish(*slot, capi::HandleKind::Green);
  }
  return CW_OK;
}

cw_status cw_green_join(cw_green green, uint64_t timeout_ns) {
  capi::HandleSlot* slot = nullptr;
  if (const cw_status status = capi::handles().pin(green, capi::HandleKind::Green, &slot); status != CW_OK)
    return capi::handle_failed("cw_green_join", status);
  capi::PinScope pin(*slot, capi::end_reference);
  capi::Reference& reference = slot->as<capi::Reference>();
  if (!reference.take()) return fail(CW_E_STATE, "cw_green_join: somebody else is joining or detaching it");
  const cw_status status = sched::join(reference.g, timeout_ns, true);
  if (status != CW_OK) {
    reference.give_back();
    // Of a parent process, and forgotten.
    if (status == CW_E_FORKED && sched::phase() != sched::Phase::Forked) return capi::handle_failed("cw_green_join", CW_E_STALE);
    return fail(status, capi::join_error_text(status));
  }
  const bool panicked = reference.g->outcome != 0;
  capi::remove_taken(green);
  return panicked ? fail(CW_E_PANIC, "cw_green_join: an exception left the green thread") : CW_OK;
}

cw_status cw_green_detach(cw_green green) {
  capi::HandleSlot* slot = nullptr;
  if (const cw_status status = capi::handles().pin(green, capi::HandleKind::Green, &slot); status != CW_OK)
    return capi::handle_failed("cw_green_detach", status);
  capi::PinScope pin(*slot, capi::end_reference);
  if (!slot->as<capi::Reference>().take()) return fail(CW_E_STATE, "cw_green_detach: somebody is joining it");
  capi::remove_taken(green);
  return CW_OK;
}

cw_status cw_green_request_stop(cw_green green) {
  capi::HandleSlot* slot = nullptr;
  if (const cw_status status = capi::handles().pin(green, capi::HandleKind::Green, &slot); status != CW_OK)
    return capi::handle_failed("cw_green_request_stop", status);
  capi::PinScope pin(*slot, capi::end_reference);
  return cw_abi_request_stop(reinterpret_cast<cw_abi_green*>(slot->as<capi::Reference>().g));
}

cw_status cw_green_yield(void) {
  if (sched::on_lost_green()) return capi::fail_in("cw_green_yield", CW_E_FORKED, sched::kForkedText);
  sched::yield();
  return CW_OK;
}

cw_status cw_green_sleep(uint64_t ns) {
  switch (const cw_status status = cw_abi_sleep(ns, nullptr)) {
    case CW_OK: return CW_OK;
    case CW_E_FORKED: return capi::fail_in("cw_green_sleep", status, sched::kForkedText);
    case CW_E_ASYNC: return fail(status, "cw_green_sleep: not in a signal handler that interrupted the runtime");
    default: return fail(status, "cw_green_sleep: the green thread was asked to stop");
  }
}

uint64_t cw_green_id(void) {
  const sched::G* g = capi::caller(sched::frame_here());
  return g != nullptr ? uint64_t{g->id} : 0;
}

int cw_on_green(void) { return capi::caller(sched::frame_here()) != nullptr; }

cw_status cw_thread_lock(void) {
  const cw_status status = sched::lock_thread();
  if (status == CW_E_STATE) return fail(status, "cw_thread_lock: the caller is not a green thread, so there is nothing to keep");
  if (status == CW_E_LIMIT) return fail(status, "cw_thread_lock: locked 2^31 times; unlock as often as you lock");
  return status;
}

cw_status cw_thread_unlock(void) {
  const cw_status status = sched::unlock_thread();
  if (status == CW_E_STATE) return fail(status, "cw_thread_unlock: the calling green thread is not locked to its thread");
  return status;
}

}  // extern "C"
