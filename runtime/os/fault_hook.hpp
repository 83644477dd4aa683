// SPDX-License-Identifier: MIT
//
// Where tests make a system call fail: a slot that is asked on the rare paths only (maps, guards, new threads, registrations).
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/config.h"

namespace causeway::os {

enum class FaultPoint : uint8_t { Map, Unmap, Guard, Protect, Thread, AltStack, Sigaction, Membarrier };
inline constexpr unsigned kFaultPoints = 8;

// Answers the errno that the call is to fail with; 0 lets it through. May be called by any thread.
using FaultHook = int (*)(FaultPoint point) noexcept;

namespace detail {
// release/acquire: what the hook reads is set up before it is seen.
inline constinit std::atomic<FaultHook> fault_hook{nullptr};
}  // namespace detail

inline void set_fault_hook(FaultHook hook) noexcept { detail::fault_hook.store(hook, std::memory_order_release); }

// True: the call is to fail, and errno is set.
CW_NOINLINE bool fault_injected(FaultPoint point) noexcept;

// The hook that tests want most often: the nth call (1 is the next one) of a point fails with `error`; with `forever`, all after it too.
namespace testing {
void fail_next(FaultPoint point, unsigned nth, bool forever, int error) noexcept;
// How many calls of the point there were since fail_next() or clear_faults().
unsigned fault_calls(FaultPoint point) noexcept;
void clear_faults() noexcept;
}  // namespace testing

}  // namespace causeway::os
