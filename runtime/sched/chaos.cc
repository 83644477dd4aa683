// SPDX-License-Identifier: MIT
#include "runtime/sched/chaos.hpp"

#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/switch.hpp"

namespace causeway::sched::chaos {

namespace {

// Puts the green thread that moves at the end of the ring of the P that it leaves.
struct Leave : Deferred {
  Leave(P* p_, G* g_) noexcept : Deferred{&requeue}, p(p_), g(g_) {}
  static void requeue(Deferred* self) noexcept {
    auto* me = static_cast<Leave*>(self);
    P* p = me->p;
    ready_in_turn(p, me->g);
  }
  P* p;
  G* g;
};

}  // namespace

void adopt(P* p) noexcept {
  if (scheduler().options.migrate_always) p->always_ask_the_loop();
}

void adopt(M* m) noexcept {
  if (scheduler().options.migrate_always) m->gate.request(crossing::poll::kSlow);
}

M* move(M* m) noexcept {
  G* g = m->current;
  if (g->is_system || m->foreign || g->in.active || m->locked_g != nullptr || g->lock_depth != 0) return m;
  // A handler that interrupted its user code may be on the alternate stack, which is the thread's and stays with it.
  const auto* here = static_cast<const std::byte*>(__builtin_frame_address(0));
  if (here < g->stack.low || here >= g->stack.high) return m;
  g->came_from = m;
  Leave deferred(m->p, g);
  g->waits_for.store("another OS thread (migrate=always)", std::memory_order_relaxed);
  switch_context(m, g, &m->system, &deferred);
  g->waits_for.store(nullptr, std::memory_order_relaxed);
  return g->m;
}

bool pass_on(M* m, G* g) noexcept {
  if (m != g->m && m != g->came_from) return false;
  if (g->sp == nullptr || g->locked_m != nullptr) return false;  // new, so its G::m is an earlier one's; or it must run here
  return give_to_stranger(m, g);
}

}  // namespace causeway::sched::chaos
