// SPDX-License-Identifier: MIT
//
// What the C functions of events and channels share: a failed call's text, and a pin for the length of a call.
#pragma once

#include "bridge/capi/handle_table.hpp"
#include "causeway/abi.h"

namespace causeway::capi {

// Keeps the object of a handle for one call. `end` is called with the slot by whoever is last after the handle's removal; it must be
// signal-safe where the call is.
class PinScope {
 public:
  using End = void (*)(HandleSlot& slot) noexcept;

  PinScope(HandleSlot& slot, End end) noexcept : slot_(slot), end_(end) {}
  ~PinScope() {
    if (handles().unpin(slot_) != Unpinned::Last) return;
    end_(slot_);
    handles().release(slot_);
  }
  PinScope(const PinScope&) = delete;
  PinScope& operator=(const PinScope&) = delete;

 private:
  HandleSlot& slot_;
  End end_;
};

inline cw_status failed(cw_status status, const char* text) noexcept { return cw_abi_set_last_error(status, text); }

}  // namespace causeway::capi
