// SPDX-License-Identifier: MIT
#include "runtime/sched/halt.hpp"

#include "runtime/sched/foreign.hpp"
#include "runtime/sched/fork.hpp"
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

namespace {

using crossing::Where;

// 1 while the world stops or is stopped. Futex word.
constinit std::atomic<uint32_t> stopping{0};

bool wanted(const M* m) noexcept { return (m->gate.poll_bits() & crossing::poll::kStop) != 0; }

// Somebody who was woken has to wake the others.
constinit std::atomic<bool> others_asleep{false};

// M::halt says where, and keeps to it: who stops the world again at once may have seen us halted from the stop before. INV-HALT2
void stay_halted(M* m, Where after) noexcept {
  do {
    m->gate.rest(Where::Halted);
    wait_for_world();
  } while (!m->gate.back_inside(after));
}

}  // namespace

bool world_stops() noexcept { return stopping.load(std::memory_order_acquire) != 0; }

void wait_for_world() noexcept {
  constexpr uint64_t kLookAgainNs = 100'000'000;  // if who should wake us is kept in a handler of the host, or by a debugger
  // acquire: what was done meanwhile; pairs with the release in go_on().
  while (stopping.load(std::memory_order_acquire) != 0) static_cast<void>(os::futex_wait(stopping, 1, kLookAgainNs));
  // relaxed: who sees it too late leaves others to their look.
  if (others_asleep.load(std::memory_order_relaxed) && others_asleep.exchange(false, std::memory_order_relaxed))
    os::futex_wake(stopping, INT32_MAX);
}

void wait_outside(M* m, uintptr_t anchor) noexcept {
  while (wanted(m)) {
    m->gate.leave(anchor);
    wait_for_world();
    static_cast<void>(m->gate.come_back());  // what else it says is looked at by our caller
  }
}

CW_NOINLINE void halt_in_call(M* m) noexcept {
  if (!wanted(m)) return;
  arch::Registers registers;
  halt_here(m, &registers);
  stay_halted(m, Where::Runtime);
}

CW_NOINLINE void wait_in_loop(M* m) noexcept {
  do {
    m->gate.rest(Where::Loop);
    wait_for_world();
  } while (!m->gate.back_inside(Where::Runtime));
}

bool halt_in_handler(M* m, const os::ContextRegisters& at) noexcept {
  const G* g = m->current;
  if (!wanted(m) || m->gate.own_anchor() != 0 || m->gate.in_runtime() || g->is_system) return false;
  const auto low = reinterpret_cast<uintptr_t>(g->stack.low), high = reinterpret_cast<uintptr_t>(g->stack.high);
#if CW_TSAN
  // It calls handlers when it likes, on the stack in use, so `at` is a place of the past, perhaps of an earlier call: where it stands now, we do.
  if (!os::on_alternate_stack()) {
    const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
    if ((here < low || here >= high) && m->leaf == nullptr) return false;
    arch::Registers registers;
    halt_here(m, &registers);
    stay_halted(m, Where::User);
    return true;
  }
#endif
  // Elsewhere it is on its way over a border, or in a leaf call.
  if ((at.sp < low || at.sp >= high) && m->leaf == nullptr) return false;
  m->halt = {at.sp, at.fp, at.pc, at.link, at.sp - low > os::kRedZone ? at.sp - os::kRedZone : at.sp, at.all};
  m->gate.rest(Where::Halted);
  stay_halted(m, Where::User);
  return true;
}

RestScope::~RestScope() {
  if (!m_->gate.back_inside(before_)) [[unlikely]]
    stay_halted(m_, before_);
}

void forget_stops() noexcept {
  stopping.store(0, std::memory_order_relaxed);  // relaxed: one thread
  others_asleep.store(false, std::memory_order_relaxed);
}

void halt_all(const M* self) noexcept {
  stopping.store(1, std::memory_order_release);  // INV-HALT3
  Scheduler& s = scheduler();
  const auto halt = [](M& m, const M* but) {
    if (&m != but) static_cast<void>(m.gate.request(crossing::poll::kStop));
  };
  {
    base::LockGuard guard(s.lock);
    s.world_stops = true;
    for (uint32_t i = 0; i < s.m_count.load(std::memory_order_relaxed); ++i) halt(*s.ms[i], self);
  }
  foreign::halt_new(true, halt, self);
}

void go_on(const M* self) noexcept {
  Scheduler& s = scheduler();
  const auto release = [](M& m, const M* but) {
    if (&m != but) m.gate.clear(crossing::poll::kStop);
  };
  {
    base::LockGuard guard(s.lock);
    s.world_stops = false;
    for (uint32_t i = 0; i < s.m_count.load(std::memory_order_relaxed); ++i) release(*s.ms[i], self);
  }
  foreign::halt_new(false, release, self);
  stopping.store(0, std::memory_order_release);  // INV-HALT3
  // One, who wakes the others: woken all by us, one of them would as a rule be given our CPU, for a whole time slice.
  others_asleep.store(true, std::memory_order_relaxed);
  os::futex_wake(stopping, 1);
}

}  // namespace causeway::sched
