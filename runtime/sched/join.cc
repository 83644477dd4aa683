// SPDX-License-Identifier: MIT
//
// Waiting for the end of a green thread, and dropping the reference to it.
#include "runtime/sched/record.hpp"
#include "runtime/sched/spawn.hpp"

namespace causeway::sched {

cw_status join(G* g, uint64_t timeout_ns, bool cancellable, StopPoint* stop) noexcept {
  // acquire: the outcome and the payload; pairs with the release in end_life().
  if ((g->life.load(std::memory_order_acquire) & G::kDone) != 0) return CW_OK;
  if (Arena::of(g).lost()) return CW_E_FORKED;
  WaitScope scope;
  if (scope.async()) return scope.refusal();
  if (scope.green() == g) return CW_E_STATE;
  WaitOptions options;
  options.deadline_ns = deadline_after(timeout_ns);
  options.cancellable = cancellable;
  options.what = kJoinWait.data();
  options.stop = stop;
  options.object = g;
  Waiter waiter;
  g->join_lock.lock();
  // acq_rel: as above, and our bit before the end's look.
  if ((g->life.fetch_or(G::kJoiner, std::memory_order_acq_rel) & G::kDone) != 0) {
    g->join_lock.unlock();
    return CW_OK;
  }
  scope.prepare(waiter, options);
  g->joiners.push_back(&waiter);
  waiter.linked = true;
  const WaitEnd end = scope.park_and_unlock(g->join_lock);
  if (end == WaitEnd::Woken) return CW_OK;
  g->join_lock.lock();
  if (waiter.linked) g->joiners.remove(&waiter);
  const bool done = (g->life.load(std::memory_order_relaxed) & G::kDone) != 0;  // relaxed: set under the lock
  g->join_lock.unlock();
  if (done) return CW_OK;
  return end == WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED;
}

void release_to_arena(G* g) noexcept {
  drop_extras(g);
  retire_record(g);
  Arena& arena = Arena::of(g);
  if (!arena.recycle_orphan(g)) arena.give_back(g, g, 1);
}

void release(G* g) noexcept {
  // acquire: the end's last use of the record; pairs with the release in end_life().
  if ((g->life.load(std::memory_order_acquire) & G::kDone) == 0) {
    if ((g->life.fetch_or(G::kReleased, std::memory_order_acq_rel) & G::kDone) == 0) return;  // its end sees it
  }
  if (g->ops->destroy_result != nullptr) g->ops->destroy_result(g->payload, g->outcome);
  if (Arena::of(g).lost()) return;
  M* m = this_m();
  if (m != nullptr && !m->foreign && !m->gate.in_runtime() && &Arena::of(g) == scheduler().arena) {
    drop_extras(g);
    retire_record(g);
    m = enter_runtime(this_m());  // the destructors above may have come back on another M
    free_record(m->p, g);
    m->gate.exit_runtime();
    return;
  }
  {
    ForeignCall call;
    if (call.ok()) {
      release_to_arena(g);
      return;
    }
  }
  base::LockGuard guard(process.lifecycle);  // a stop tears things down right now; afterwards the arena is orphaned
  release_to_arena(g);
}

}  // namespace causeway::sched
