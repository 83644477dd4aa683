// SPDX-License-Identifier: MIT
//
// Arming, disarming and expiring the timers of waits. A timer is on the wheel of the P that armed it; anybody may expire or disarm it under
// that wheel's lock.
//
// An expiry claims the wait's ticket under the wheel's lock, so when disarm_timer() has had that lock, nobody looks at the node any more.
// The winner passes through the lock of the object before it makes the green thread run: by then its context is saved (INV-PARK1).
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

namespace {

// Under one hold of the lock: so many expire, and so many are sorted into finer slots of the wheel (some 10 µs, mostly cache misses).
constexpr uint32_t kBatch = 64, kSorts = 128;

G* green_of(TimerNode* node) noexcept { return reinterpret_cast<G*>(reinterpret_cast<std::byte*>(node) - offsetof(G, timer)); }

}  // namespace

uint64_t now_ns() noexcept {
  Scheduler& s = scheduler();
  if (!s.options.virtual_clock) [[likely]]
    return os::now_ns();
  return s.virtual_now.load(std::memory_order_relaxed);  // relaxed: a time, nothing is read through it
}

uint64_t deadline_after(uint64_t timeout_ns) noexcept {
  if (timeout_ns == kNoDeadline) return kNoDeadline;  // without a look at the clock
  const uint64_t now = this_m() != nullptr ? now_ns() : os::now_ns();
  return timeout_ns >= kNoDeadline - now ? kNoDeadline : now + timeout_ns;
}

void arm_timer(P* p, G* g, uint64_t ticket, uint64_t deadline_ns, uint64_t now) noexcept {
  g->timer_ticket = ticket;
  g->timer_home = p;
  g->timer.deadline_ns = deadline_ns;
  // When the wheel will find it due: whoever came at the deadline itself would find nothing, and have to sleep again.
  const uint64_t due = TimerWheel::due_ns(deadline_ns);
  bool earlier;
  {
    base::LockGuard guard(p->timer_lock);
    p->timers.add(g->timer, now);
    earlier = due < p->timer_earliest.load(std::memory_order_relaxed);
    if (earlier) p->timer_earliest.store(due, std::memory_order_relaxed);
  }
  if (earlier) timer_moved_forward(due);
}

void disarm_timer(G* g) noexcept {
  P* p = g->timer_home;
  g->timer_home = nullptr;
  base::LockGuard guard(p->timer_lock);
  if (g->timer.armed) p->timers.remove(g->timer);  // timer_earliest stays: a lower bound
}

bool run_timers(P* p, P* into, uint64_t now) noexcept {
  if (p->timer_earliest.load(std::memory_order_relaxed) > now) return false;
  bool any = false;
  for (;;) {
    G* due[kBatch];
    uint32_t n = 0;
    uint32_t sorts = kSorts;
    bool over;
    {
      base::LockGuard guard(p->timer_lock);
      while (n < kBatch) {
        TimerNode* node = p->timers.expire_one(now, &sorts);
        if (node == nullptr) break;
        G* g = green_of(node);
        if (g->parker.claim.claim(g->timer_ticket, WaitEnd::TimedOut)) due[n++] = g;
      }
      over = n < kBatch && sorts != 0;
      if (over) p->timer_earliest.store(p->timers.earliest_ns(), std::memory_order_relaxed);
    }
    for (uint32_t i = 0; i < n; ++i) {
      G* g = due[i];
      base::Lock* object = g->parker.lock;
      object->lock();  // INV-PARK1: free only when g's context is saved
      object->unlock();
      g->state.store(GState::Runnable, std::memory_order_relaxed);
      push_runnable(into, g);
      any = true;
    }
    if (over) return any;
  }
}

uint64_t earliest_timer() noexcept {
  Scheduler& s = scheduler();
  uint64_t earliest = kNoDeadline;
  for (uint32_t i = 0; i < s.p_count; ++i) {
    const uint64_t at = s.ps[i]->timer_earliest.load(std::memory_order_relaxed);  // relaxed: fences around it, see idle.cc
    if (at < earliest) earliest = at;
  }
  return earliest;
}

}  // namespace causeway::sched
