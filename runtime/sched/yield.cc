// SPDX-License-Identifier: MIT
#include "runtime/sched/in_place.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/spawn.hpp"
#include "runtime/sched/switch.hpp"

namespace causeway::sched {

namespace {

struct Requeue : Deferred {
  Requeue(P* p_, G* g_) noexcept : Deferred{&put_back}, p(p_), g(g_) {}
  // To the end of the ring. Without a wake-up if the ring is not empty: then one was made for what is in it.
  static void put_back(Deferred* self) noexcept {
    auto* me = static_cast<Requeue*>(self);
    P* p = me->p;
    G* g = me->g;
    g->state.store(GState::Runnable, std::memory_order_relaxed);
    if (p->queue.empty() || !p->queue.push(g)) push_runnable(p, g);
  }
  P* p;
  G* g;
};

}  // namespace

void yield() noexcept {
  M* m = this_m();
  if (m == nullptr) {
    os::yield_thread();
    return;
  }
  if (m->gate.in_runtime()) return;  // from a signal handler: nothing can be let run first
  if (m->foreign) {
    os::yield_thread();  // it takes no processor from anybody
    return;
  }
  m = enter_runtime(m);
  P* p = m->p;
  G* g = m->current;
  if (g->in.active) {
    yield_in_place(m, g);
  } else if (p->next() == nullptr && p->queue.empty() && !loop_is_due(p)) {
    p->next_tick();
  } else {
    Requeue deferred(p, g);
    park_current(m, g, &deferred);
    m = g->m;
    g->state.store(GState::Running, std::memory_order_relaxed);
  }
  m->gate.exit_runtime();
}

}  // namespace causeway::sched
