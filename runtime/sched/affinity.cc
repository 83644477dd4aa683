// SPDX-License-Identifier: MIT
//
// A locked green thread g and its M point at each other (G::locked_m, M::locked_g).
//
// When g parks, its M gives the P to somebody else and sleeps until g runs again. Whoever picks g from a queue on another M hands its own P and
// g to that M (`pending`), wakes it, and looks for another P. Only g runs on that OS thread meanwhile.
#include "runtime/sched/affinity.hpp"

#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

// While all Ms wait for their locked green threads nobody could run one of them: one M is kept for the others.
bool count_locked() noexcept {
  Scheduler& s = scheduler();
  if (s.locked.fetch_add(1, std::memory_order_relaxed) + 1 < s.options.max_threads) return true;  // relaxed: a count
  uncount_locked();
  return false;
}

void uncount_locked() noexcept { scheduler().locked.fetch_sub(1, std::memory_order_relaxed); }

cw_status lock_thread() noexcept {
  M* m = this_m();
  if (m == nullptr || m->current->is_system) return CW_E_STATE;
  G* g = m->current;
  if (g->lock_depth == INT32_MAX) return CW_E_LIMIT;
  if (g->in.active) {  // it keeps its thread anyway, unless the host moves the stack below it: that is refused from here on
    ++g->lock_depth;
    g->in.set(crossing::Inbound::kExtras);
    return CW_OK;
  }
  if (g->lock_depth == 0 && !count_locked()) return CW_E_LIMIT;
  ++g->lock_depth;
  g->locked_m = m;
  m->locked_g = g;
  return CW_OK;
}

cw_status unlock_thread() noexcept {
  M* m = this_m();
  if (m == nullptr || m->current->is_system) return CW_E_STATE;
  G* g = m->current;
  if (g->lock_depth == 0) return CW_E_STATE;
  if (--g->lock_depth == 0 && !g->in.active) {
    uncount_locked();
    g->locked_m = nullptr;
    m->locked_g = nullptr;
  }
  return CW_OK;
}

void hand_to_locked(M* m, G* g) noexcept {
  Scheduler& s = scheduler();
  M* owner = g->locked_m;
  {
    base::LockGuard guard(s.lock);
    owner->pending = g;  // read by the owner after its wake-up, under the lock
    owner->handed_p = m->p;
    owner->handed_searching = false;
    m->gate.detach_p();
    m->p = nullptr;
  }
  owner->sleep.wake();
}

namespace {

// Takes a locked green thread out of what p has, or null. Needs: P.
G* take_locked(P* p) noexcept {
  if (G* next = p->next(); next != nullptr && next->locked_m != nullptr) {
    p->set_next(nullptr);
    return next;
  }
  for (uint32_t i = p->queue.size(); i > 0; --i) {
    G* g = p->queue.pop();
    if (g == nullptr || g->locked_m != nullptr) return g;
    if (!p->queue.push(g)) push_global(g, g, 1);  // never: it was in there a moment ago
  }
  return nullptr;
}

}  // namespace

bool hand_to_sleeping_owner(P* p) noexcept {
  G* g = take_locked(p);
  if (g == nullptr) return false;
  M* owner = g->locked_m;
  {
    base::LockGuard guard(scheduler().lock);
    owner->pending = g;
    owner->handed_p = p;
    owner->handed_searching = false;
  }
  owner->sleep.wake();
  return true;
}

bool wait_for_locked(M* m) noexcept {
  Scheduler& s = scheduler();
  if (P* p = m->p) {
    {
      base::LockGuard guard(s.lock);
      m->gate.detach_p();
      m->p = nullptr;
    }
    start_p(p);
  }
  for (;;) {
    {
      base::LockGuard guard(s.lock);
      if (P* p = m->handed_p) {
        m->handed_p = nullptr;
        attach_p_locked(m, p);
        return true;
      }
    }
    m->sleep.sleep();
  }
}

}  // namespace causeway::sched
