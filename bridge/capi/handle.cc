// SPDX-License-Identifier: MIT
//
// cw_handle_*: handles for the user's own objects. A pointer and a kind for a number that C may keep, and that is checked at each use.
//
// get() only loads: the pointer and the kind lie in the slot's `shared` words, between peek() and unchanged(). acquire() notes who holds the
// object, so that a release waits for the others and refuses what would wait for itself.
//
//   INV-UH1  Holding, `word` and the removal of a slot of kind User change under address_lock(slot) alone.
//   INV-UH2  While there are holds, the handle is live or its releaser waits with a pin: so the slot is not used again before the last
//            unacquire.
//
// Not chosen: acquisitions as bare pins of the table. They say how many there are, not whose, and a release by the holder hung.
#include <cstdint>
#include <new>

#include "bridge/capi/handle_holds.hpp"
#include "bridge/capi/last_error.hpp"
#include "bridge/capi/meeting_point.hpp"
#include "runtime/sched/sched.hpp"
#include "runtime/sync/sync.hpp"

namespace causeway::capi {

namespace {

namespace sched = causeway::sched;

Holding& holding_of(HandleSlot& slot) noexcept { return slot.as<Holding>(); }
void end_object(HandleSlot& slot) noexcept { holding_of(slot).free_all(); }

CW_COLD cw_status not_found(const char* function, cw_status status) noexcept {
  switch (status) {
    case CW_E_STALE: return fail_in(function, status, "the handle was released before");
    case CW_E_TYPE: return fail_in(function, status, "the handle was created with another kind, or by another function");
    default: return fail_in(function, status, handle_error_text(status));
  }
}

bool of_kind(const HandleSlot& slot, uint32_t kind) noexcept { return slot.shared[1].load(std::memory_order_relaxed) == kind; }

// Not CW_OK in a signal handler that interrupted a wait, whose locks it may find held, and on a green thread that a fork left behind.
cw_status refusal() noexcept {
  const sched::WaitScope probe;
  if (!probe.async()) return CW_OK;
  return failed(probe.refusal(),
                "handles: not in a signal handler that interrupted the runtime, nor on a green thread of a forked child's parent");
}

// What release() does under the lock. CW_E_BUSY: removed, and others hold the object; releasing->done will be set.
cw_status remove_locked(uint64_t handle, uint32_t kind, HandleSlot& slot, const Caller& caller, Releasing* releasing) noexcept {
  Holding& holding = holding_of(slot);
  if (!HandleTable::unchanged(slot, handle)) return CW_E_STALE;
  if (!of_kind(slot, kind)) return CW_E_TYPE;
  holding.drop_gone();
  for (const Hold* hold = holding.holds; hold != nullptr; hold = hold->next)
    if (hold->count != 0 && caller.is_or_waits_below(hold->holder)) return CW_E_STATE;
  HandleSlot* removed = nullptr;
  if (const cw_status status = handles().remove(handle, HandleKind::User, &removed); status != CW_OK) return status;
  if (const Hold* hold = holding.any()) {
    releasing->wait.holder = hold->holder;
    holding.releasing = releasing;
    return CW_E_BUSY;  // the removal's pin stays: INV-UH2
  }
  handles().unpin(slot);  // not the last: the caller's pin
  return CW_OK;
}

// Blocks: until all holds are given back.
cw_status release(uint64_t handle, uint32_t kind, HandleSlot& slot) noexcept {
  base::Lock& lock = sync::address_lock(&slot);
  Releasing releasing;
  cw_status status;
  {
    const Caller caller;
    const base::LockGuard guard(lock);
    status = remove_locked(handle, kind, slot, caller, &releasing);
  }
  if (status != CW_E_BUSY) return status;
  status = sync::event_wait(releasing.done, CW_FOREVER, nullptr, sched::kReleaseWait, &releasing.wait);
  const base::LockGuard guard(lock);
  holding_of(slot).releasing = nullptr;
  if (holding_of(slot).any() == nullptr) status = CW_OK;
  else handles().restore(slot, HandleKind::User);
  handles().unpin(slot);
  return status;
}

cw_status acquire_locked(uint64_t handle, uint32_t kind, HandleSlot& slot, const Caller& caller, void** out) noexcept {
  if (!HandleTable::unchanged(slot, handle)) return CW_E_STALE;
  if (!of_kind(slot, kind)) return CW_E_TYPE;
  holding_of(slot).drop_gone();
  if (!holding_of(slot).add(caller.id())) return CW_E_NOMEM;
  *out = reinterpret_cast<void*>(static_cast<uintptr_t>(slot.shared[0].load(std::memory_order_relaxed)));  // relaxed: under the lock
  return CW_OK;
}

cw_status unacquire_locked(HandleSlot& slot, const Caller& caller) noexcept {
  Holding& holding = holding_of(slot);
  holding.drop_gone();
  Hold* hold = holding.find(caller.id());
  if (hold == nullptr) hold = holding.any();  // acquired elsewhere, and handed on
  if (hold == nullptr) return CW_E_STATE;
  --hold->count;
  if (holding.releasing == nullptr) return CW_OK;
  // Under the lock: it is on the stack of the releaser, who takes the lock before he goes on.
  const Hold* rest = holding.any();
  if (rest != nullptr) holding.releasing->wait.holder = rest->holder;
  else sync::event_set(holding.releasing->done);
  return CW_OK;
}

}  // namespace
}  // namespace causeway::capi

// Defined in the global namespace: there the header's declaration makes them visible.
using namespace causeway::capi;  // NOLINT(google-build-using-namespace): this file's own subject

cw_status cw_handle_create(void* p, uint32_t kind, cw_handle* out) {
  if (out == nullptr) return failed(CW_E_INVALID, "cw_handle_create: out is NULL");
  const auto slot = handles().reserve();
  if (!slot) return failed(slot.error().code, slot.error().text);
  // release: INV-HT4, for a get() of the slot's handle before.
  (*slot)->shared[0].store(reinterpret_cast<uintptr_t>(p), std::memory_order_release);
  (*slot)->shared[1].store(kind, std::memory_order_release);
  ::new (static_cast<void*>((*slot)->storage)) Holding;
  *out = handles().publish(**slot, HandleKind::User);
  return CW_OK;
}

cw_status cw_handle_get(cw_handle handle, uint32_t kind, void** out) {
  if (out == nullptr) [[unlikely]]
    return failed(CW_E_INVALID, "cw_handle_get: out is NULL");
  const HandleSlot* slot = handles().peek(handle, HandleKind::User);
  if (slot == nullptr) [[unlikely]]
    return not_found("cw_handle_get", handles().why(handle, HandleKind::User));
  // acquire, twice: INV-HT4.
  const uint64_t p = slot->shared[0].load(std::memory_order_acquire);
  const uint64_t its_kind = slot->shared[1].load(std::memory_order_acquire);
  if (!HandleTable::unchanged(*slot, handle)) [[unlikely]]
    return not_found("cw_handle_get", CW_E_STALE);
  if (its_kind != kind) [[unlikely]]
    return not_found("cw_handle_get", CW_E_TYPE);
  *out = reinterpret_cast<void*>(static_cast<uintptr_t>(p));
  return CW_OK;
}

cw_status cw_handle_acquire(cw_handle handle, uint32_t kind, void** out) {
  if (out == nullptr) return failed(CW_E_INVALID, "cw_handle_acquire: out is NULL");
  if (const cw_status status = refusal(); status != CW_OK) return status;
  HandleSlot* slot = nullptr;
  if (const cw_status status = handles().pin(handle, HandleKind::User, &slot); status != CW_OK)
    return not_found("cw_handle_acquire", status);
  const PinScope pinned(*slot, end_object);
  cw_status status;
  {
    const Caller caller;
    const causeway::base::LockGuard guard(causeway::sync::address_lock(slot));
    status = acquire_locked(handle, kind, *slot, caller, out);
  }
  if (status == CW_OK) return CW_OK;
  return status == CW_E_NOMEM ? failed(status, "cw_handle_acquire: no memory to note who holds the object")
                              : not_found("cw_handle_acquire", status);
}

cw_status cw_handle_unacquire(cw_handle handle) {
  if (const cw_status status = refusal(); status != CW_OK) return status;
  HandleSlot* slot = nullptr;
  if (const cw_status status = handles().pin_held(handle, HandleKind::User, &slot); status != CW_OK)
    return not_found("cw_handle_unacquire", status);
  const PinScope pinned(*slot, end_object);
  cw_status status;
  {
    const Caller caller;
    const causeway::base::LockGuard guard(causeway::sync::address_lock(slot));
    status = unacquire_locked(*slot, caller);
  }
  return status == CW_OK ? CW_OK : failed(status, "cw_handle_unacquire: nobody has acquired the object");
}

cw_status cw_handle_release(cw_handle handle, uint32_t kind) {
  if (const cw_status status = refusal(); status != CW_OK) return status;
  HandleSlot* slot = nullptr;
  if (const cw_status status = handles().pin(handle, HandleKind::User, &slot); status != CW_OK)
    return not_found("cw_handle_release", status);
  const PinScope pinned(*slot, end_object);
  switch (const cw_status status = release(handle, kind, *slot)) {
    case CW_OK: return CW_OK;
    case CW_E_STATE:
      return failed(status, "cw_handle_release: the caller, or who called it, has acquired the object; call cw_handle_unacquire first");
    case CW_E_CANCELLED:
      return failed(status, "cw_handle_release: the waiting green thread was asked to stop; the handle is good as before");
    default: return not_found("cw_handle_release", status);
  }
}
