// SPDX-License-Identifier: MIT
//
// A stop of the world, as the Ms see it: the owner's side of poll::kStop. Who stops it, and when it is stopped, is world's business (a higher row).
//
// An M is found in one of these places once kStop is set on it and asym::heavy() has run; from then on it stays outside until kStop is cleared:
//
//   in C           anchor != 0: it comes back, or in, only after wait_outside()
//   in its loop    Where::Loop: before it goes to a green thread it looks, leave_loop()
//   a call of ours enter_runtime() sees kStop: halt_in_call(), on the green thread's stack
//   user code      nothing of ours runs there: own_signal.hpp asks it, and halt_in_handler() keeps it
//   else           in the runtime, or between two of these: it comes to one of them, or the signal is sent again
//
//   INV-HALT1  Nobody halts with a lock of ours: user code holds none, and the other places are chosen so.
//   INV-HALT2  M::halt is written before Where::Halted is stored (release), and stays until the M is inside with no kStop set, not only between two stops.
//   INV-HALT3  The word is 1 before the first kStop is set, and 0 after the last one was cleared. So who sees kStop waits, and does not wait for ever.
#pragma once

#include <cstdint>

#include "arch/arch.hpp"
#include "runtime/os/os.hpp"
#include "runtime/sched/foreign.hpp"
#include "runtime/sched/machine.hpp"
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

// The calling thread's M is in C, with the anchor that it found, and came back although the world stops: out again until it goes on. The anchor is 0
// afterwards.
void wait_outside(M* m, uintptr_t anchor) noexcept;
// In the runtime, on any stack. Halted until the world goes on.
CW_NOINLINE void halt_in_call(M* m) noexcept;
// From Where::Loop to Where::Runtime, when the world allows it.
inline void leave_loop(M* m) noexcept;
// A signal interrupted m's thread. False: not in user code of a green thread, so nothing was done.
// Stack:       signal
// Signal-safe: yes
bool halt_in_handler(M* m, const os::ContextRegisters& at) noexcept;

// Halted, on the calling stack: what the caller's callers left in registers goes to *registers, which lies in the caller's frame and so above the sp
// that is written down. INV-HALT2
CW_ALWAYS_INLINE void halt_here(M* m, arch::Registers* registers) noexcept {
  cw_arch_capture(registers);
  m->halt = {registers->sp, registers->fp, registers->pc, 0, registers->sp, {}};
  m->gate.rest(crossing::Where::Halted);
}

// A wait in the middle of the runtime that may last: a stop of the world finds the M halted meanwhile.
class RestScope {
 public:
  CW_ALWAYS_INLINE explicit RestScope(M* m) noexcept : m_(m), before_(m->gate.where()) { halt_here(m, &registers_); }
  ~RestScope();
  RestScope(const RestScope&) = delete;
  RestScope& operator=(const RestScope&) = delete;

 private:
  M* m_;
  crossing::Where before_;
  arch::Registers registers_;
};

// --- by who stops the world ---
// kStop on all Ms, also those to come, but `self`. An M that is seen outside stays there once asym::heavy() has run after it.
void halt_all(const M* self) noexcept;
void go_on(const M* self) noexcept;
// All Ms that may ever run managed code: visit(M&).
template <class Visit>
inline void for_each_m(Visit visit) noexcept;
// Until the world goes on, if it stops.
void wait_for_world() noexcept;
bool world_stops() noexcept;

// --- the interface ends here ---

CW_NOINLINE void wait_in_loop(M* m) noexcept;

inline void leave_loop(M* m) noexcept {
  if (!m->gate.back_inside(crossing::Where::Runtime)) [[unlikely]]
    wait_in_loop(m);
}

template <class Visit>
inline void for_each_m(Visit visit) noexcept {
  Scheduler& s = scheduler();
  // acquire: pairs with start_worker(), which publishes ms[i] before the count.
  for (uint32_t i = 0; i < s.m_count.load(std::memory_order_acquire); ++i) visit(*s.ms[i]);
  for (uint32_t i = 0; i < foreign::count(); ++i) visit(*foreign::by_id(i));
}

}  // namespace causeway::sched
