// SPDX-License-Identifier: MIT
//
// Asking green threads to stop: the flag, the stop state of the templates, and the wait that ends (waiting.md).
#include "runtime/sched/in_place.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/spawn.hpp"

namespace causeway::sched {

void request_stop_begin(G* g) noexcept {
  if (g->in.active) g->in.set(crossing::Inbound::kExtras);
  g->stop_requested.store(1, std::memory_order_release);
}

void request_stop(G* g) noexcept {
  if (Arena::of(g).lost()) return;
  request_stop_begin(g);
  base::asym::heavy();  // our flag, then the look at its wait; pairs with light() in stop_seen(). INV-PARK3
  request_stop_finish(g);
}

void request_stop_finish(G* g) noexcept {
  void* state = nullptr;
  const cw_abi_stop_ops* ops = nullptr;
  g->join_lock.lock();
  state = g->stop_state.load(std::memory_order_acquire);
  ops = g->stop_ops.load(std::memory_order_relaxed);
  if (state != nullptr && !g->stop_told) {
    g->stop_told = true;
    ++g->stop_users;
  } else {
    state = nullptr;
  }
  g->join_lock.unlock();
  if (state != nullptr) {
    ops->request(state);
    g->join_lock.lock();
    const bool last = --g->stop_users == 0 && g->stop_state_dead;
    g->join_lock.unlock();
    if (last) {
      ops->destroy(state);
      g->stop_state.store(nullptr, std::memory_order_release);  // the record may be used again: pairs with drop_rare()
    }
  }
  cancel_nested_waits(g);
  if (!g->parker.claim.try_cancel()) return;
  base::Lock* object = g->parker.lock;
  object->lock();  // INV-PARK1: free only when g's context is saved
  object->unlock();
  WaitScope scope;  // ready() is called inside the runtime
  ready(&g->parker);
}

void* stop_state(G* g, void* (*make)(), const cw_abi_stop_ops* ops) noexcept {
  g = outermost(g);  // a call in below a call out is asked to stop as who called out is
  // acquire: pairs with the release below: the object behind it.
  if (void* state = g->stop_state.load(std::memory_order_acquire)) return state;
  void* mine = make();
  if (mine == nullptr) return nullptr;
  if (g->in.active) g->in.set(crossing::Inbound::kExtras);
  bool lost = false, requested = false;
  g->join_lock.lock();
  void* state = g->stop_state.load(std::memory_order_relaxed);  // relaxed: written under the lock
  if (state != nullptr) {
    lost = true;
  } else {
    g->stop_ops.store(ops, std::memory_order_relaxed);
    g->stop_state.store(mine, std::memory_order_release);
    state = mine;
    // A request sets its flag, then looks for the state under this lock: one of the two sees the other.
    requested = g->stop_requested.load(std::memory_order_acquire) != 0 && !g->stop_told;
    if (requested) g->stop_told = true;
  }
  g->join_lock.unlock();
  if (lost) ops->destroy(mine);
  if (requested) ops->request(state);
  return state;
}

}  // namespace causeway::sched
