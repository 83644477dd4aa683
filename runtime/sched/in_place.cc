// SPDX-License-Identifier: MIT
#include "runtime/sched/in_place.hpp"

#include "runtime/sched/frames.hpp"
#include "runtime/sched/halt.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/wait.hpp"

namespace causeway::sched {

namespace {

// One for all lists of nested waits: they are short and rare, and whoever parks holds the lock of what it waits at, which may be of any rank.
constinit base::Lock nested_lock{base::LockRank::Log};
CW_STATIC_LOCK(nested_lock);

}  // namespace

InPlace::InPlace(M* m, G* g, uintptr_t frame, uintptr_t pc) noexcept : m_(m), g_(g) {
  // In C for walkers, and no call out that anything could be below: no call in comes while the thread sleeps.
  g->out.pc = pc;
  g->out.c_sp = 0;  // no C code either
  g->out.function = nullptr;
  g->out.sp.store(frame, std::memory_order_relaxed);
  if (m->p != nullptr) {
    P* p = m->p;
    {
      base::LockGuard guard(scheduler().lock);
      m->gate.detach_p();
      m->p = nullptr;
    }
    m->gate.leave(reinterpret_cast<uintptr_t>(&g->out));
    start_p(p);
    return;
  }
  m->gate.leave(reinterpret_cast<uintptr_t>(&g->out));
}

InPlace::~InPlace() {
  M* m = m_;
  // A worker has no P now, so the poll word is never 0 for it.
  if (!m->gate.come_back()) wait_outside(m, reinterpret_cast<uintptr_t>(&g_->out));
  g_->out.sp.store(0, std::memory_order_relaxed);
  if (!m->foreign) obtain_p_in_place(m, g_);
}

void obtain_p_in_place(M* m, G* g) noexcept {
  Scheduler& s = scheduler();
  {
    base::LockGuard guard(s.lock);
    if (take_idle_p_locked(m)) return;
    g->locked_m = m;
    g->state.store(GState::Runnable, std::memory_order_relaxed);
    push_global_locked(g, g, 1);
  }
  if (s.idle.should_wake()) wake_one();
  for (;;) {
    {
      base::LockGuard guard(s.lock);
      if (P* p = m->handed_p) {
        m->handed_p = nullptr;
        m->pending = nullptr;  // g itself
        g->locked_m = nullptr;
        attach_p_locked(m, p);
        break;
      }
    }
    const RestScope rest(m);
    m->sleep.sleep();
  }
  g->state.store(GState::Running, std::memory_order_relaxed);
}

void yield_in_place(M* m, G* g) noexcept {
  P* p = m->p;
  p->next_tick();
  if (p->next() == nullptr && p->queue.empty() && scheduler().global_size.load(std::memory_order_relaxed) == 0 && !loop_is_due(p)) return;
  {
    base::LockGuard guard(scheduler().lock);
    m->gate.detach_p();
    m->p = nullptr;
  }
  start_p(p);
  obtain_p_in_place(m, g);
}

G* outermost(G* g) noexcept {
  while (G* outer = outer_of(g)) g = outer;
  return g;
}

bool OuterStop::requested() noexcept {
  if (root_ == g_) return false;
  wait_.who = &g_->parker;
  base::LockGuard guard(nested_lock);
  if (root_->stop_requested.load(std::memory_order_acquire) != 0) return true;
  root_->nested_waits.push_back(&wait_);
  linked_ = true;
  return false;
}

void OuterStop::end() noexcept {
  if (!linked_) return;
  base::LockGuard guard(nested_lock);
  if (wait_.who != nullptr) root_->nested_waits.remove(&wait_);
}

void cancel_nested_waits(G* g) noexcept {
  for (;;) {
    Parker* claimed = nullptr;
    {
      base::LockGuard guard(nested_lock);
      while (NestedWait* wait = g->nested_waits.pop_front()) {
        Parker* who = wait->who;
        wait->who = nullptr;  // unlinked: OuterStop::end()
        if (!who->claim.try_cancel()) continue;
        claimed = who;
        break;
      }
    }
    if (claimed == nullptr) return;
    claimed->lock->lock();  // INV-PARK1
    claimed->lock->unlock();
    ready(claimed);
  }
}

void leaf_waited(const M* m) noexcept {
  base::TextBuffer<512> text;
  text.append("the leaf function ");
  append_function(text, m->leaf);
  text.append(" waited in a call of the runtime; call it by cw_call with CW_QUICK, or by causeway::call");
  base::fatal(base::FatalId::LeafCalledBack, text.view());
}

}  // namespace causeway::sched
