// SPDX-License-Identifier: MIT
//
// AltStack: an alternate signal stack for one thread, so that a handler can run when the thread's own stack is used up.
//
// C code of the host may set another alternate stack at any time, and free it. So the kernel is asked each time, and nothing is remembered
// about whose stack is set but the address of ours.
//
//   own worker        allocate() before the thread starts, install() on it, restore() at its end, release()
//   foreign thread    ensure(), at its binding, on it: does nothing when the thread has a stack that is large enough; restore() at the end
//
// All but contains(): by the thread that it is for (allocate, release: by any), Signal-safe: no.
#pragma once

#include <signal.h>

#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::os {

class AltStack {
 public:
  constexpr AltStack() noexcept = default;
  AltStack(const AltStack&) = delete;
  AltStack& operator=(const AltStack&) = delete;

  // Usable bytes of each alternate stack of ours: the kernel's minimum (AT_MINSIGSTKSZ) plus 48 KiB, at least 64 KiB, whole pages.
  static size_t usable_bytes() noexcept;

  // Maps the memory, a guard page below it. CW_E_NOMEM. Does nothing when it is there.
  base::Result<void> allocate() noexcept;
  // Makes it the calling thread's, keeping what was set before. CW_E_STATE (the thread runs on an alternate stack now), CW_E_SYSTEM.
  base::Result<void> install() noexcept;
  // allocate() and install(), unless the thread has one of the kernel's minimum size or more already: then that one stays.
  base::Result<void> ensure() noexcept;
  // Puts back what was set before install(), if ours is still the thread's; else leaves what C has set since.
  void restore() noexcept;
  // Its thread has ended without restore().
  void abandon() noexcept { installed_ = false; }
  // Unmaps it. Needs: not the alternate stack of any thread.
  void release() noexcept;

  bool allocated() const noexcept { return memory_ != nullptr; }
  bool installed() const noexcept { return installed_; }
  // Is this an address inside?                                                                         Signal-safe: yes
  bool contains(uintptr_t address) const noexcept { return address >= low_ && address < low_ + usable_; }

 private:
  // All fields: owner only.
  void* memory_ = nullptr;  // guard page and stack
  size_t bytes_ = 0;
  uintptr_t low_ = 0;  // the usable part
  size_t usable_ = 0;
  stack_t previous_{};  // what the thread had before install()
  bool installed_ = false;
};

// Does the calling thread run on an alternate stack?                                                   Signal-safe: yes
bool on_alternate_stack() noexcept;

}  // namespace causeway::os
