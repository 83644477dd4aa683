// SPDX-License-Identifier: MIT
//
// Row 13: callbacks with state, which can be closed. May include rows 1 to 12. Others include this file only. docs/design/closures.md has the whole.
//
// C holds a stub (a code pointer) or a number (its user data); both lead to a slot. A call goes: stub → thunk of the type, on the C stack, which reads
// the slot from the static chain register → cw_abi_enter_callback() → the warm way of bridge/inbound, which publishes the slot in the green thread's
// record and then reads its state (crossing/callee.hpp, INV-CA*) → the type's target, on the green stack.
//
//   close()     from here on calls get the fallback; those in progress go on
//   wait()      until none is in progress
//   release()   the holder is gone: what the callback has is ended when nobody runs it, at once or by the last call
#pragma once

#include "bridge/closure/owner.hpp"  // IWYU pragma: export
#include "bridge/closure/slot.hpp"
#include "bridge/closure/slots.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::closure {

struct Spec {
  const cw_abi_callback_type* type = nullptr;
  void* closure = nullptr;
  void* words[2] = {};  // for the thunk of the type
  const char* name = nullptr;
  const void* fallback = nullptr;  // type->result_size bytes, copied; null: zero
  Owner* owner = nullptr;
};

// Makes a callback. On failure `closure` stays the caller's.
// Errors: those of take_slot(), CW_E_CLOSED (the owner is closed). Allocates: for a fallback of more than 16 bytes
base::Result<Slot*> create(const Spec& spec) noexcept;

// Calls get the fallback from here on. Again is nothing; false then. Blocks: never
bool close(Slot* slot) noexcept;

// Waits until nobody runs it. Needs: closed; the caller is not inside it (sched::callees::inside).
// Errors: CW_E_TIMEOUT, CW_E_CANCELLED (cancellable: a stop request; `stop`), CW_E_ASYNC
cw_status wait(Slot* slot, uint64_t timeout_ns, bool cancellable, sched::StopPoint* stop = nullptr) noexcept;

// The last that its holder says of it. Closes it. Runs type->destroy(closure), here or at the end of the last call.
void release(Slot* slot) noexcept;
// The same after wait() has said CW_OK.
void release_idle(Slot* slot) noexcept;

// Ends what can be ended of released callbacks that were in use. Blocks: a heavy fence, if there are any
void settle() noexcept;

// The callback that this user data was given for, or null. Signal-safe: yes
CW_ALWAYS_INLINE Slot* find(uint64_t data) noexcept {
  Slot* slot = data_slot(static_cast<uint32_t>(data & (kMaxDataSlots - 1)));
  // acquire: the callback; pairs with the release of its state, which a call in reads next.
  return slot != nullptr && slot->number.load(std::memory_order_acquire) == data && data != 0 ? slot : nullptr;
}

// A call that did not run its target: what C gets. *result: type->result_size bytes. slot: null if it is not known. Counts and logs.
// Fatal: closed-callback, under strict; or when the result has no zero and there is no fallback. Signal-safe: yes, if status is CW_E_ASYNC
void answer_failed(cw_status status, Slot* slot, const cw_abi_callback_type* type, void* result, const char* why) noexcept;

// In a child of fork(): nobody waits for the end of a call. Calls of the parent's green threads are none (sched/callees.hpp).
void forget_in_child() noexcept;

struct Counters {
  uint64_t live, dead_called;
};
Counters counters() noexcept;

}  // namespace causeway::closure

#include "bridge/closure/run_time.hpp"  // IWYU pragma: export
