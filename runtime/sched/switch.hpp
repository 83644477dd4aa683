// SPDX-License-Identifier: MIT
//
// Changing from one context of an M to another: a green thread's, or the M's own.
//
// Everything that belongs to a context moves here, once: the saved sp, the C++ exception globals (Itanium ABI: two words per thread), errno,
// and what the sanitizers know about stacks. Whatever must not happen before the old context is saved is a Deferred: the context that
// we land in runs it first. A deferred action never parks, allocates or throws, and reads everything it needs before it
// publishes anything, because it lives on the stack that it makes available.
//
// No function here or that inlines from here may read a thread-local: the M comes as an argument before, from G::m after a switch.
#pragma once

#include "arch/arch.hpp"
#include "runtime/sched/machine.hpp"

#if CW_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if CW_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace causeway::sched {

struct Deferred {
  void (*run)(Deferred* self) noexcept;
};

// First act after every switch, on the new stack.
CW_ALWAYS_INLINE void land(void* value) noexcept {
  auto* deferred = static_cast<Deferred*>(value);
  if (deferred != nullptr) deferred->run(deferred);
}

#if CW_TSAN
// The notice to TSan and the jump must lie in one function that is not instrumented, or its shadow stack underflows.
__attribute__((noinline, no_sanitize("thread"))) void* tsan_switch(void** save_sp, void* load_sp, void* value, void* fiber) noexcept;
#endif

CW_ALWAYS_INLINE void* jump(void** save_sp, G* to, void* value) noexcept {
#if CW_TSAN
  return tsan_switch(save_sp, to->sp, value, to->tsan_fiber);
#else
  return cw_arch_switch(save_sp, to->sp, value);
#endif
}

// Leaves `from`, which goes on later from here, perhaps on another M: use from->m afterwards.
// Needs: m->current == from, `to` saved or bound. Stack: from's.
CW_ALWAYS_INLINE void switch_context(M* m, G* from, G* to, Deferred* deferred) noexcept {
  const int error = *m->errno_word;
  from->eh = *m->eh;
  *m->eh = to->eh;
  to->m = m;
  m->current = to;
#if CW_ASAN
  __sanitizer_start_switch_fiber(&from->asan_fake_stack, to->stack.low, to->stack.bytes());
#endif
  void* landing = jump(&from->sp, to, deferred);
#if CW_ASAN
  __sanitizer_finish_switch_fiber(from->asan_fake_stack, nullptr, nullptr);
#endif
  *from->m->errno_word = error;
  land(landing);
}

// Leaves a context for good. Its record may belong to somebody else already, so nothing of it is touched.
[[noreturn]] CW_ALWAYS_INLINE void switch_away_for_good(M* m, G* to, Deferred* deferred) noexcept {
  *m->eh = to->eh;
  to->m = m;
  m->current = to;
#if CW_ASAN
  __sanitizer_start_switch_fiber(nullptr, to->stack.low, to->stack.bytes());
#endif
  void* nowhere;
  jump(&nowhere, to, deferred);
  __builtin_unreachable();
}

}  // namespace causeway::sched
