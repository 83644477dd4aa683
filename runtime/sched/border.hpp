// SPDX-License-Identifier: MIT
//
// The two steps over the border between C and us, as calls in and calls out take them, in the order that signal handlers on top of us need.
#pragma once

#include <unwind.h>

#include <atomic>
#include <cstdint>

#include "runtime/sched/machine.hpp"

namespace causeway::sched {

CW_ALWAYS_INLINE uintptr_t frame_here() noexcept { return reinterpret_cast<uintptr_t>(__builtin_frame_address(0)); }

// Between these two handlers on top of us that call in are told CW_E_ASYNC.
CW_ALWAYS_INLINE void shut_out_handlers(os::ThreadWords* words, M* m) noexcept {
  words->m = m;
  std::atomic_signal_fence(std::memory_order_seq_cst);
}
CW_ALWAYS_INLINE void into_c(os::ThreadWords* words, M* m, uintptr_t anchor) noexcept {
  m->gate.leave(anchor);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  words->m = nullptr;
}

// Is what unwinds a C++ exception? `exception`: struct _Unwind_Exception; null: not known, and the count tells.
inline bool is_cxx(const void* exception, const EhGlobals& eh) noexcept {
  if (exception == nullptr) return eh.uncaught != 0;
  constexpr uint64_t kCxx = 0x474e5543432b2b00;  // "GNUCC++", and a byte that says whether it is thrown once more
  return ((*static_cast<const uint64_t*>(exception) ^ kCxx) & ~uint64_t{1}) == 0;
}
// Does it end the thread: is it "forced", so that no handler can keep it? `exception` as above; null: no.
inline bool ends_thread(const void* exception) noexcept {
  return exception != nullptr && static_cast<const _Unwind_Exception*>(exception)->private_1 != 0;  // where it stops; 0 of all others
}
// How often what unwinds is counted in the thread's exception globals.
inline uint64_t passing(const void* exception, const EhGlobals& eh) noexcept { return eh.uncaught != 0 && is_cxx(exception, eh) ? 1 : 0; }

}  // namespace causeway::sched
