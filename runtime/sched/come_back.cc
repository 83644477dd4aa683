// SPDX-License-Identifier: MIT
#include "runtime/sched/come_back.hpp"

#include "runtime/sched/fork.hpp"
#include "runtime/sched/halt.hpp"
#include "runtime/sched/in_place.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/switch.hpp"

namespace causeway::sched {

namespace {

constexpr uint32_t kCandidates = 64;
constexpr uint64_t kLookAgainNs = 100'000;  // a call beside which others wait, and which the monitor has seen once

// Puts the green thread that came back without a P where somebody with a P finds it.
struct Queue : Deferred {
  explicit Queue(G* g_) noexcept : Deferred{&queue}, g(g_) {}
  static void queue(Deferred* self) noexcept {
    G* g = static_cast<Queue*>(self)->g;
    g->state.store(GState::Runnable, std::memory_order_relaxed);
    push_global(g, g, 1);
    if (scheduler().idle.should_wake()) wake_one();
  }
  G* g;
};

}  // namespace

CW_NOINLINE M* come_back_slow(M* m, G* g, uintptr_t anchor) noexcept {
  if (m->lost) child_returned_into_green();
  wait_outside(m, anchor);
  if (m->foreign) return m;                    // a stop is under way: what is in progress goes on
  static_cast<void>(m->gate.enter_runtime());  // whether there is a P to lose is seen under the lock
  Scheduler& s = scheduler();
  // A retaker decides under the lock. When we have had it, our P was taken, or it found us inside.
  s.lock.lock();
  const bool taken = (m->gate.poll_bits() & crossing::poll::kNoP) != 0;
  const bool hog = taken && m->hog.away;
  if (hog) {
    m->hog.away = false;
    --s.hogs;
  }
  const bool found = taken && take_idle_p_locked(m);
  s.lock.unlock();
  if (taken && !found && g->in.active) obtain_p_in_place(m, g);
  if (!taken || found || g->in.active) {
    m->gate.exit_runtime();
    return m;
  }
  Queue deferred(g);
  g->waits_for.store("a processor, after a call to C", std::memory_order_relaxed);
  switch_context(m, g, &m->system, &deferred);
  g->waits_for.store(nullptr, std::memory_order_relaxed);
  g->state.store(GState::Running, std::memory_order_relaxed);
  g->m->gate.exit_runtime();
  return g->m;
}

void give_up_p(M* m) noexcept {
  P* p;
  {
    base::LockGuard guard(scheduler().lock);
    p = m->p;
    if (p == nullptr) return;  // the monitor was faster
    m->gate.detach_p();
    m->p = nullptr;
  }
  start_p(p);
}

uint64_t retake_from_c(uint64_t now) noexcept {
  Scheduler& s = scheduler();
  M* candidates[kCandidates];
  uint32_t n = 0;
  bool soon = false;
  {
    base::LockGuard guard(s.lock);
    const uint32_t count = s.m_count.load(std::memory_order_relaxed);
    for (uint32_t i = 0; i < count && n < kCandidates; ++i) {
      M* m = s.ms[i];
      if (m->p == nullptr || m->gate.anchor() == 0) continue;
      const uint64_t call = m->calls_out.load(std::memory_order_relaxed);
      if (m->seen_call != call) {
        m->seen_call = call;
        m->seen_call_ns = now;
        soon |= waits_for_p(m->p);
        continue;
      }
      if (now - m->seen_call_ns < (waits_for_p(m->p) ? kLookAgainNs : s.options.hog_ns)) continue;
      if ((m->gate.request(crossing::poll::kRetake) & crossing::poll::kRetake) != 0) candidates[n++] = m;
    }
  }
  if (n == 0) return soon ? kLookAgainNs : kNoDeadline;
  base::asym::heavy();  // once for all: pairs with light() in Gate::come_back()
  P* taken[kCandidates];
  uint32_t got = 0;
  {
    base::LockGuard guard(s.lock);
    for (uint32_t i = 0; i < n; ++i) {
      M* m = candidates[i];
      if (!m->gate.try_take(crossing::poll::kRetake)) continue;
      taken[got++] = m->p;
      m->p = nullptr;
    }
  }
  s.handoffs.fetch_add(got, std::memory_order_relaxed);
  for (uint32_t i = 0; i < got; ++i) start_p(taken[i]);
  return kNoDeadline;
}

}  // namespace causeway::sched
