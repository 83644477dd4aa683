// SPDX-License-Identifier: MIT
//
// Owner: callbacks that are closed together. It lives until it is closed and its last callback has ended.
#pragma once

#include "bridge/closure/slot.hpp"
#include "runtime/base/base.hpp"
#include "runtime/sched/sched.hpp"

namespace causeway::closure {

// Null: no memory.
Owner* make_owner(const char* name) noexcept;
const char* name_of(const Owner* owner) noexcept;

// Nothing joins it any more.
bool is_closed(const Owner* owner) noexcept;
// The slot is one of its, and open (lifetime.hpp). False: the owner is closed.
bool join_owner(Owner* owner, Slot* slot) noexcept;
void leave_owner(Slot* slot) noexcept;

// The caller is inside one of its callbacks (sched/callees.hpp).
bool inside(const Owner* owner) noexcept;
// Closes all that are in it; nothing joins it any more. Again is nothing.
void close_owner(Owner* owner) noexcept;
// Waits until none of them runs. Needs: closed; not inside().
// Errors: CW_E_TIMEOUT, CW_E_CANCELLED (if cancellable), CW_E_ASYNC, CW_E_FORKED
cw_status wait_owner(Owner* owner, uint64_t timeout_ns, bool cancellable) noexcept;
// The last that its maker says of it, after close_owner(); who runs then ends later. forget(number): for each with a handle that is in it still; it may have ended.
void release_owner(Owner* owner, void (*forget)(uint64_t number) noexcept) noexcept;

// Who is in one of its callbacks, or in this one: `18 "reader/on_row", 20`.
void append_running(base::TextBuffer<480>& text, const Owner* owner, const Slot* slot) noexcept;

}  // namespace causeway::closure
