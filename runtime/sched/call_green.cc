// SPDX-License-Identifier: MIT
//
// The records of green threads that run calls in. An M keeps a few with warm stacks in its own list, so that a call takes and gives back neither.
#include "runtime/sched/callees.hpp"
#include "runtime/sched/foreign.hpp"
#include "runtime/sched/poison.hpp"
#include "runtime/sched/record.hpp"
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched::foreign {

G* make_call_green(M* m) noexcept {
  Scheduler& s = scheduler();
  uint32_t got = 0;
  G* g = s.arena->take(1, &got);
  if (g == nullptr) return nullptr;
  if (!s.stacks.reserve(s.default_class)) {
    s.arena->give_back(g, g, 1);
    return nullptr;
  }
  poison::record_taken(g);
  g->stack_class = s.default_class;
  {
    const StackLock::Change change(g->stack_lock);
    g->stack = s.stacks.bind(g->stack_class);
    poison::stack_taken(g->stack);
    constexpr size_t kColours = 16, kColourBytes = 64;
    g->in.high = g->stack.high - ((m->id + g->index) % kColours) * kColourBytes;
    g->sp = nullptr;
  }
  g->id = 0;
  g->state.store(GState::Running, std::memory_order_relaxed);
  g->next_ready = nullptr;
  g->eh = EhGlobals{};
  g->detached = true;
  g->name = nullptr;
  g->ops = nullptr;
  g->outcome = 0;
  g->lock_depth = 0;
  g->locked_m = nullptr;
  g->parker.g = nullptr;  // it waits as a thread does: asleep in place
  g->waits_for.store(nullptr, std::memory_order_relaxed);
  g->stop_state_dead = false;
  g->stop_told = false;
  g->stop_requested.store(0, std::memory_order_relaxed);
  g->life.store(G::kReleased, std::memory_order_relaxed);
  g->generation.store(g->generation.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  g->m = m;
  g->outer = nullptr;
  g->spawned_by = 0;
  g->spawned_at = 0;
  g->depth = 1;
  g->in.clear(~crossing::Inbound::kFloat);
  g->in.callee.store(nullptr, std::memory_order_relaxed);  // relaxed: the list's lock publishes it
  g->in.found = crossing::kIdleAnchor;
  g->in.active = true;
  callees::add(g);
  return g;
}

void free_call_green(G* g) noexcept {
  Scheduler& s = scheduler();
  callees::remove(g);
  {
    const StackLock::Change change(g->stack_lock);
    poison::stack_freed(g->stack);
    s.stacks.release(g->stack, g->stack_class);
    g->stack = stack::Stack{};
    g->in.active = false;
  }
  g->parker.g = g;
  retire_record(g);
  s.arena->give_back(g, g, 1);
}

}  // namespace causeway::sched::foreign
