// SPDX-License-Identifier: MIT
//
// cw_callback_*, cw_owner_*, and what causeway/abi.h has for callbacks with state. cw_callback_create is beside the signatures.
#include "bridge/capi/callback.hpp"

#include "bridge/capi/handle_table.hpp"
#include "bridge/capi/last_error.hpp"
#include "bridge/capi/meeting_point.hpp"
#include "bridge/closure/closure.hpp"
#include "bridge/inbound/inbound.hpp"
#include "causeway/abi.h"
#include "runtime/sched/sched.hpp"

namespace causeway::capi {

namespace {

using closure::Slot;

Slot* slot_of(cw_abi_callback* callback) noexcept { return reinterpret_cast<Slot*>(callback); }
static_assert(offsetof(crossing::Callee, closure) == offsetof(cw_abi_callback, closure));

Slot*& slot_in(HandleSlot& handle) noexcept { return handle.as<Slot*>(); }
closure::Owner*& owner_in(HandleSlot& handle) noexcept { return handle.as<closure::Owner*>(); }

void end_callback(HandleSlot& handle) noexcept { closure::release(slot_in(handle)); }
// After a wait that found nobody inside.
void end_idle_callback(HandleSlot& handle) noexcept { closure::release_idle(slot_in(handle)); }

// What a wait for the end of calls said.
cw_status answer(cw_status status, const char* function, const closure::Owner* owner, const Slot* slot) noexcept {
  if (status == CW_OK) return CW_OK;
  base::TextBuffer<480> text;
  text.append(function).append(": ");
  if (status == CW_E_STATE)
    text.append(owner != nullptr ? "the caller is inside one of its callbacks; return first"
                                 : "the caller is inside the callback, and would wait for itself");
  else if (status == CW_E_ASYNC) text.append("not in a signal handler that interrupted the runtime");
  else {
    text.append(status == CW_E_TIMEOUT ? "calls are in progress still, on green thread "
                                       : "the waiting green thread was asked to stop; calls are in progress on green thread ");
    closure::append_running(text, owner, slot);
    text.append("; it is closed, wait once more");
  }
  return fail(status, text.view());
}

// C code that has jumped out of a callback is in it no more.
void see_jumps(uintptr_t sp) noexcept {
  inbound::see_jumps(sp);
  sched::callees::end_jumped_out();
}

// In a callback, or in one of an owner's. sp: of the frame that the user called.
bool inside(const Slot* slot) noexcept { return sched::callees::inside(slot); }
template <class What>
bool inside(const What* what, uintptr_t sp) noexcept {
  if (!inside(what)) return false;
  see_jumps(sp);
  return inside(what);
}

cw_status close_and_wait(Slot* slot, uint64_t timeout_ns, bool cancellable, sched::StopPoint* stop, const char* function,
                         uintptr_t sp) noexcept {
  if (inside(slot, sp)) return answer(CW_E_STATE, function, nullptr, slot);
  closure::close(slot);
  return answer(closure::wait(slot, timeout_ns, cancellable, stop), function, nullptr, slot);
}

// An owner is closed: the handle of each of its callbacks is stale, unless somebody is just closing that one.
void forget(uint64_t handle) noexcept {
  HandleSlot* found = nullptr;
  if (handles().remove(handle, HandleKind::Callback, &found) == CW_OK) const PinScope pin(*found, end_callback);
}
// By who closed it, or who was just making a callback with it.
void end_owner(HandleSlot& handle) noexcept { closure::release_owner(owner_in(handle), &forget); }

}  // namespace

base::Result<closure::Owner*> owner_of(cw_owner handle, HandleSlot** pinned) noexcept {
  *pinned = nullptr;
  if (handle == 0) return static_cast<closure::Owner*>(nullptr);
  switch (const cw_status status = handles().pin(handle, HandleKind::Owner, pinned)) {
    case CW_OK: return owner_in(**pinned);
    case CW_E_STALE: return base::fail(status, "options.owner was closed before");
    case CW_E_TYPE: return base::fail(status, "options.owner is a handle of another kind");
    default: return base::fail(status, "options.owner is not a handle that this process was given");
  }
}

base::Result<Slot*> make_callback(closure::Spec spec, const cw_callback_options* options) noexcept {
  HandleSlot* pinned = nullptr;
  if (options != nullptr) {
    if (options->size < offsetof(cw_callback_options, name) || options->size > sizeof *options)
      return base::fail(CW_E_INVALID, "the size of the callback's options is not set; fill them with cw_callback_options_init first");
    cw_callback_options copy{};
    __builtin_memcpy(&copy, options, options->size);
    const auto owner = owner_of(copy.owner, &pinned);
    if (!owner) return owner.error();
    spec.name = copy.name;
    spec.fallback = copy.fallback;
    spec.owner = *owner;
  }
  const auto made = closure::create(spec);
  if (pinned != nullptr) const PinScope pin(*pinned, end_owner);
  return made;
}

cw_callback publish_callback(HandleSlot& handle, Slot* slot) noexcept {
  slot_in(handle) = slot;
  const cw_callback number = handles().publish(handle, HandleKind::Callback);
  slot->number.store(number, std::memory_order_relaxed);
  return number;
}

}  // namespace causeway::capi

using namespace causeway::capi;  // NOLINT(google-build-using-namespace): this file's own subject
namespace closure = causeway::closure;
namespace sched = causeway::sched;

cw_status cw_abi_callback_create(const cw_abi_callback_type* type, void* closure, const cw_callback_options* options,
                                 cw_abi_callback** out) {
  const auto made = make_callback({.type = type, .closure = closure}, options);
  if (!made) return fail(made.error());
  *out = reinterpret_cast<cw_abi_callback*>(*made);
  return CW_OK;
}

void (*cw_abi_callback_code(cw_abi_callback* callback))(void) {
  const auto* slot = slot_of(callback);
  return slot->kind == closure::SlotKind::Stub ? closure::code_of(slot) : nullptr;
}

void* cw_abi_callback_data(cw_abi_callback* callback) {
  const auto* slot = slot_of(callback);
  return slot->kind == closure::SlotKind::Data ? reinterpret_cast<void*>(slot->number.load(std::memory_order_relaxed)) : nullptr;
}

void cw_abi_callback_close(cw_abi_callback* callback) { closure::close(slot_of(callback)); }

cw_status cw_abi_callback_close_and_wait(cw_abi_callback* callback, uint64_t timeout_ns, cw_abi_stop_wait* stop) {
  return close_and_wait(slot_of(callback), timeout_ns, true, sched::stop_point(stop), "callback::close_and_wait", sched::frame_here());
}

void cw_abi_callback_release(cw_abi_callback* callback) {
  auto* slot = slot_of(callback);
  if (inside(slot, sched::frame_here())) {
    closure::release(slot);
    return;
  }
  closure::close(slot);
  if (closure::wait(slot, CW_FOREVER, false) == CW_OK) closure::release_idle(slot);
  else closure::release(slot);
}

void cw_abi_callback_failed(cw_status status, cw_abi_callback* callback, const cw_abi_callback_type* type, void* result) {
  closure::answer_failed(status, callback != nullptr ? slot_of(callback) : nullptr, type, result, why_not_entered(status));
}

void cw_abi_owner_release(cw_owner handle) {
  HandleSlot* pinned = nullptr;
  if (handles().pin(handle, HandleKind::Owner, &pinned) != CW_OK) return;  // closed by its number
  {
    const PinScope pin(*pinned, end_owner);
    closure::Owner* owner = owner_in(*pinned);
    const bool within = inside(owner, sched::frame_here());
    closure::close_owner(owner);
    if (!within) static_cast<void>(closure::wait_owner(owner, CW_FOREVER, false));
  }
  if (handles().remove(handle, HandleKind::Owner, &pinned) == CW_OK) const PinScope pin(*pinned, end_owner);
}

cw_status cw_callback_options_init(cw_callback_options* options) {
  if (options == nullptr) return fail(CW_E_INVALID, "cw_callback_options_init: options is NULL");
  *options = cw_callback_options{};
  options->size = sizeof *options;
  return CW_OK;
}

cw_status cw_callback_code(cw_callback callback, void (**out)(void)) {
  if (out == nullptr) return fail(CW_E_INVALID, "cw_callback_code: out is NULL");
  HandleSlot* handle = nullptr;
  if (const cw_status status = handles().pin(callback, HandleKind::Callback, &handle); status != CW_OK)
    return fail_in("cw_callback_code", status, handle_error_text(status));
  const PinScope pin(*handle, end_callback);
  *out = closure::code_of(slot_in(*handle));
  return CW_OK;
}

cw_status cw_callback_close(cw_callback callback) {
  HandleSlot* handle = nullptr;
  if (const cw_status status = handles().remove(callback, HandleKind::Callback, &handle); status != CW_OK)
    return fail_in("cw_callback_close", status, handle_error_text(status));
  const PinScope pin(*handle, end_callback);
  closure::close(slot_in(*handle));
  return CW_OK;
}

cw_status cw_callback_close_and_wait(cw_callback callback, uint64_t timeout_ns) {
  HandleSlot* handle = nullptr;
  if (const cw_status status = handles().pin(callback, HandleKind::Callback, &handle); status != CW_OK)
    return fail_in("cw_callback_close_and_wait", status, handle_error_text(status));
  {
    const PinScope pin(*handle, end_callback);
    if (const cw_status status =
            close_and_wait(slot_in(*handle), timeout_ns, true, nullptr, "cw_callback_close_and_wait", sched::frame_here());
        status != CW_OK)
      return status;
  }
  // Somebody else who waited for the same may be faster.
  if (handles().remove(callback, HandleKind::Callback, &handle) == CW_OK) const PinScope pin(*handle, end_idle_callback);
  return CW_OK;
}

cw_status cw_owner_create(const char* name, cw_owner* out) {
  if (out == nullptr) return fail(CW_E_INVALID, "cw_owner_create: out is NULL");
  const auto handle = handles().reserve();
  if (!handle) return fail(handle.error());
  closure::Owner* owner = closure::make_owner(name);
  if (owner == nullptr) {
    handles().release(**handle);
    return fail(CW_E_NOMEM, "cw_owner_create: no memory");
  }
  owner_in(**handle) = owner;
  *out = handles().publish(**handle, HandleKind::Owner);
  return CW_OK;
}

cw_status cw_owner_close(cw_owner handle, uint64_t timeout_ns) {
  HandleSlot* pinned = nullptr;
  if (const cw_status status = handles().pin(handle, HandleKind::Owner, &pinned); status != CW_OK)
    return fail_in("cw_owner_close", status, handle_error_text(status));
  {
    const PinScope pin(*pinned, end_owner);
    closure::Owner* owner = owner_in(*pinned);
    if (inside(owner, sched::frame_here())) return answer(CW_E_STATE, "cw_owner_close", owner, nullptr);
    closure::close_owner(owner);
    if (const cw_status status = closure::wait_owner(owner, timeout_ns, true); status != CW_OK)
      return answer(status, "cw_owner_close", owner, nullptr);
  }
  if (handles().remove(handle, HandleKind::Owner, &pinned) == CW_OK) const PinScope pin(*pinned, end_owner);
  return CW_OK;
}
