// SPDX-License-Identifier: MIT
//
// cw_event_*: the events of the C interface. The event lies in its handle's slot, which is never freed, so that set() needs no
// memory at all in a signal handler, even when it is the last to leave a closed event.
#include "bridge/capi/meeting_point.hpp"
#include "runtime/sync/sync.hpp"

namespace causeway::capi {

namespace {

void end_event(HandleSlot&) noexcept {}  // nothing of it is outside the slot

cw_abi_event& event_in(HandleSlot& slot) noexcept { return slot.as<cw_abi_event>(); }

cw_status answer(cw_status status) noexcept {
  switch (status) {
    case CW_OK: return CW_OK;
    case CW_E_TIMEOUT: return failed(status, "cw_event_wait: the event was not set in time");
    case CW_E_CANCELLED: return failed(status, "cw_event_wait: the waiting green thread was asked to stop");
    case CW_E_CLOSED: return failed(status, "cw_event_wait: the event was closed during the wait");
    case CW_E_ASYNC: return failed(status, "cw_event_wait: not in a signal handler that interrupted the runtime");
    default: return failed(status, handle_error_text(status));
  }
}

}  // namespace
}  // namespace causeway::capi

// Defined in the global namespace: there the header's declaration makes them visible.
using namespace causeway::capi;  // NOLINT(google-build-using-namespace): this file's own subject

cw_status cw_event_create(cw_event* out) {
  if (out == nullptr) return failed(CW_E_INVALID, "cw_event_create: out is NULL");
  const auto slot = handles().reserve();
  if (!slot) return failed(slot.error().code, slot.error().text);
  event_in(**slot) = cw_abi_event{};
  *out = handles().publish(**slot, HandleKind::Event);
  return CW_OK;
}

cw_status cw_event_set(cw_event event) {
  HandleSlot* slot = nullptr;
  if (const cw_status status = handles().pin(event, HandleKind::Event, &slot); status != CW_OK)
    return status;  // no text: a handler may be calling
  const PinScope pin(*slot, end_event);
  causeway::sync::event_set(event_in(*slot));
  return CW_OK;
}

cw_status cw_event_wait(cw_event event, uint64_t timeout_ns) {
  HandleSlot* slot = nullptr;
  if (const cw_status status = handles().pin(event, HandleKind::Event, &slot); status != CW_OK) return answer(status);
  const PinScope pin(*slot, end_event);
  return answer(causeway::sync::event_wait(event_in(*slot), timeout_ns));
}

cw_status cw_event_close(cw_event event) {
  {
    const causeway::sched::WaitScope probe;  // a handler may have interrupted a wait of this very event, with its lock held
    if (probe.async()) return failed(CW_E_ASYNC, "cw_event_close: not in a signal handler that interrupted the runtime");
  }
  HandleSlot* slot = nullptr;
  if (const cw_status status = handles().remove(event, HandleKind::Event, &slot); status != CW_OK) return answer(status);
  const PinScope pin(*slot, end_event);
  causeway::sync::event_close(event_in(*slot));
  return CW_OK;
}
