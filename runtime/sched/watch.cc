// SPDX-License-Identifier: MIT
//
// With the virtual clock the watcher does not sleep: if nothing else runs, it moves the clock to the deadline.
#include "runtime/sched/watch.hpp"

namespace causeway::sched {

namespace {

// Values of watch_deadline beside a deadline. The first is earlier than any: nobody is kicked. The second is later than any: the watcher
// reads the wheels right now, and whoever moves a deadline forward kicks it to look again.
constexpr uint64_t kNobodyWatches = 0;
constexpr uint64_t kWatcherLooks = kNoDeadline - 1;

constexpr uint64_t kVirtualNapNs = 1'000'000;  // time stands still until all sleep; real events get this long before it moves

// Everything is asleep: with the virtual clock, time passes now. Needs: lock.
bool advance_virtual_clock_locked(uint64_t deadline) noexcept {
  Scheduler& s = scheduler();
  if (s.idle.view().idle != s.p_count || s.hogs != 0 || !s.inject.empty()) return false;  // a hog runs without a P
  if (deadline > s.virtual_now.load(std::memory_order_relaxed)) s.virtual_now.store(deadline, std::memory_order_relaxed);
  return true;
}

// Somebody waits for a descriptor, and nobody sits in the poller.
bool seat_is_wanted_locked() noexcept {
  // relaxed: the seat is written under the lock; the count is ordered as watch.hpp says, by the lock or by the caller's fence.
  return poller_has_waiters() && scheduler().poller_seat.load(std::memory_order_relaxed) == nullptr;
}

// The earliest timer on the wheel of a P that nobody holds.
uint64_t earliest_of_idle_locked() noexcept {
  uint64_t earliest = kNoDeadline;
  for (P* p = scheduler().idle_ps; p != nullptr; p = p->idle_next) {
    const uint64_t at = p->timer_earliest.load(std::memory_order_relaxed);
    if (at < earliest) earliest = at;
  }
  return earliest;
}

}  // namespace

void stop_watching_locked(M* m) noexcept {
  Scheduler& s = scheduler();
  if (s.watcher != m) return;
  s.watcher = nullptr;
  s.watch_deadline.store(kNobodyWatches, std::memory_order_relaxed);  // relaxed: an unneeded kick at worst
}

void fill_watch_locked() noexcept {
  Scheduler& s = scheduler();
  if (s.watcher != nullptr || s.idle_ms.empty() || s.idle_ps == nullptr) return;
  const uint64_t earliest = earliest_of_idle_locked();
  bool wanted;
  if (s.idle.view().idle == s.p_count) {  // no P is held: nobody else will come
    base::RealAtomics::fence_seq_cst();   // the P that went idle, then the count; pairs with poller_waiter_added()
    wanted = earliest != kNoDeadline || seat_is_wanted_locked();
  } else {
    wanted = earliest != kNoDeadline && (s.options.virtual_clock || earliest < now_ns() + kNearNs);  // INV-IDLE3
  }
  if (wanted) s.idle_ms.front()->sleep.wake();
}

bool post_is_free_locked() noexcept {
  base::RealAtomics::fence_seq_cst();  // as in fill_watch_locked()
  return seat_is_wanted_locked() || (scheduler().watcher == nullptr && earliest_of_idle_locked() != kNoDeadline);
}

Rest choose_rest_locked(M* m, bool quiet) noexcept {
  Scheduler& s = scheduler();
  Rest rest;
  // While every P is held there is nothing to watch for: who holds one looks at its timers, and for events.
  if (s.idle_ps == nullptr) stop_watching_locked(m);
  if (s.idle_ps != nullptr && (s.watcher == nullptr || s.watcher == m || seat_is_wanted_locked())) {
    // Published before the deadlines are read: pairs with the fence in timer_moved_forward().
    s.watcher = m;
    s.watch_deadline.store(kWatcherLooks, std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    rest.until = earliest_timer();
    s.watch_deadline.store(rest.until, std::memory_order_seq_cst);
    rest.in_poller = seat_is_wanted_locked();
    if (rest.in_poller) s.poller_seat.store(m, std::memory_order_relaxed);  // relaxed: who reads it without the lock has fences around
    else if (rest.until == kNoDeadline) stop_watching_locked(m);
  }
  rest.retire = s.watcher != m && s.m_alive > s.p_count;
  const bool may_move_time = rest.until != kNoDeadline && s.options.virtual_clock && (quiet || !rest.in_poller);
  if (may_move_time && advance_virtual_clock_locked(rest.until)) rest.until = 0;
  return rest;
}

bool take_rest(M* m, const Rest& rest, ReadyList& ready) noexcept {
  const Scheduler& s = scheduler();
  uint64_t wait_ns = UINT64_MAX;
  if (rest.until != kNoDeadline) {
    const uint64_t now = now_ns();
    wait_ns = rest.until > now ? rest.until - now : 0;
    if (s.options.virtual_clock && wait_ns != 0) wait_ns = kVirtualNapNs;
  } else if (rest.retire) {
    wait_ns = s.options.retire_ns;
  }
  // relaxed: a hint for wake_any_async(), which must not spend its wake-up on an M that waits for its locked green thread.
  m->takes_p.store(true, std::memory_order_relaxed);
  bool woken;
  if (rest.in_poller) woken = m->sleep.sleep_in([&] { poll_and_wait(wait_ns, ready); });
  else woken = wait_ns == 0 ? m->sleep.try_take() : m->sleep.sleep(wait_ns);
  m->takes_p.store(false, std::memory_order_relaxed);
  return woken;
}

void leave_poller_locked(M* m) noexcept {
  Scheduler& s = scheduler();
  CW_DCHECK(s.poller_seat.load(std::memory_order_relaxed) == m, "one M waits in the poller, and leaves it by itself: INV-POLL1");
  s.poller_seat.store(nullptr, std::memory_order_relaxed);
  // The seat, then whoever looks at the count from here on; pairs with the fence in poller_waiter_added().
  base::RealAtomics::fence_seq_cst();
}

void timer_moved_forward(uint64_t deadline_ns) noexcept {
  Scheduler& s = scheduler();
  // The wheel's earliest deadline is written; the watcher published itself before it read them.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (deadline_ns >= s.watch_deadline.load(std::memory_order_seq_cst)) return;
  M* watcher;
  {
    base::LockGuard guard(s.lock);
    watcher = s.watcher;
  }
  if (watcher != nullptr) watcher->sleep.wake();
}

}  // namespace causeway::sched
