// SPDX-License-Identifier: MIT
//
// Sleep and wake-up. An M without work gives its P to the idle list, looks once more, and sleeps on its own word. Work that is published wakes
// at most one M at a time, which then searches (idle_word.hpp has the protocol and its invariants).
//
// One of the sleeping Ms is the watcher: it sleeps only until the earliest deadline of all wheels, and then expires them. An M that goes to
// sleep takes the post if it is free; when the watcher is taken for work while an idle P has a timer, one more M is woken, finds nothing,
// and takes the post.
//   INV-IDLE3  A timer lies on the wheel of a P that an M holds (which looks at it with every decision), or a watcher sleeps no longer
//              than to its deadline, or an M is on its way to the post. What slips through (no M left, a green thread that runs for
//              long) the monitor finds at its next tick.
//
// With the virtual clock the watcher does not sleep: if nothing else runs, it moves the clock to the deadline.
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/switch.hpp"

namespace causeway::sched {

namespace {

// Values of watch_deadline beside a deadline. The first is earlier than any: nobody is kicked. The second is later than any: the watcher
// reads the wheels right now, and whoever moves a deadline forward kicks it to look again.
constexpr uint64_t kNobodyWatches = 0;
constexpr uint64_t kWatcherLooks = kNoDeadline - 1;

P* pop_idle_p_locked() noexcept {
  Scheduler& s = scheduler();
  P* p = s.idle_ps;
  if (p == nullptr) return nullptr;
  s.idle_ps = p->idle_next;
  p->idle_next = nullptr;
  p->idle = false;
  return p;
}

bool remove_idle_p_locked(P* p) noexcept {
  Scheduler& s = scheduler();
  for (P** at = &s.idle_ps; *at != nullptr; at = &(*at)->idle_next) {
    if (*at != p) continue;
    *at = p->idle_next;
    p->idle_next = nullptr;
    p->idle = false;
    return true;
  }
  return false;
}

void stop_watching_locked(M* m) noexcept {
  Scheduler& s = scheduler();
  if (s.watcher != m) return;
  s.watcher = nullptr;
  s.watch_deadline.store(kNobodyWatches, std::memory_order_relaxed);  // relaxed: an unneeded kick at worst
}

// The watcher left its post for work. INV-IDLE3
void fill_watch_locked() noexcept {
  Scheduler& s = scheduler();
  if (s.watcher != nullptr || s.idle_ms.empty()) return;
  for (P* p = s.idle_ps; p != nullptr; p = p->idle_next) {
    if (p->timer_earliest.load(std::memory_order_relaxed) == kNoDeadline) continue;
    s.idle_ms.front()->sleep.wake();
    return;
  }
}

void remove_idle_m_locked(M* m) noexcept {
  scheduler().idle_ms.remove(m);
  m->in_idle_list = false;
}

// An idle M to wake; the watcher only when there is no other.
M* pop_idle_m_locked() noexcept {
  Scheduler& s = scheduler();
  M* m = s.idle_ms.pop_front();
  if (m == nullptr) return nullptr;
  if (m == s.watcher) {
    if (M* other = s.idle_ms.pop_front()) {
      s.idle_ms.push_front(m);
      m = other;
    }
  }
  m->in_idle_list = false;
  stop_watching_locked(m);
  fill_watch_locked();
  return m;
}

// Hands p to an idle M or a new one. `searching`: the M inherits a search token.
void give_p(P* p, bool searching) noexcept {
  Scheduler& s = scheduler();
  M* m;
  {
    base::LockGuard guard(s.lock);
    m = pop_idle_m_locked();
    if (m != nullptr) {
      m->handed_p = p;
      m->handed_searching = searching;
    }
  }
  if (m != nullptr) {
    m->sleep.wake();
    return;
  }
  if (start_worker(p, searching) != nullptr) return;
  // No thread to be had. The P stays idle; those that run find its work by theft.
  {
    base::LockGuard guard(s.lock);
    push_idle_p_locked(p);
    if (searching) s.idle.search_to_idle();
    else s.idle.add_idle();
  }
}

// Work or due timers anywhere: the last look before sleep.
bool see_work() noexcept {
  Scheduler& s = scheduler();
  if (!s.inject.empty() || s.global_size.load(std::memory_order_relaxed) != 0) return true;
  for (uint32_t i = 0; i < s.p_count; ++i)
    if (!s.ps[i]->queue.empty()) return true;
  return false;
}

// Everything is asleep: with the virtual clock, time passes now. Needs: lock.
bool advance_virtual_clock_locked(uint64_t deadline) noexcept {
  Scheduler& s = scheduler();
  if (s.idle.view().idle != s.p_count) return false;
  if (deadline > s.virtual_now.load(std::memory_order_relaxed)) s.virtual_now.store(deadline, std::memory_order_relaxed);
  return true;
}

// Asleep in the idle list until a P was handed over or could be taken. True: m has a P (and perhaps a search token).
bool sleep_in_idle_list(M* m) noexcept {
  Scheduler& s = scheduler();
  for (;;) {
    uint64_t until = kNoDeadline;
    bool retire = false;
    {
      base::LockGuard guard(s.lock);
      if (m->handed_p == nullptr) {
        if (s.exiting.load(std::memory_order_relaxed)) {
          if (m->in_idle_list) remove_idle_m_locked(m);
          stop_watching_locked(m);
          return false;
        }
        // While every P is held there is nothing to watch for: who holds one looks at its timers.
        if (s.idle_ps == nullptr) stop_watching_locked(m);
        if (s.idle_ps != nullptr && (s.watcher == nullptr || s.watcher == m)) {
          // Published before the deadlines are read: pairs with the fence in timer_moved_forward().
          s.watcher = m;
          s.watch_deadline.store(kWatcherLooks, std::memory_order_seq_cst);
          std::atomic_thread_fence(std::memory_order_seq_cst);
          until = earliest_timer();
          s.watch_deadline.store(until, std::memory_order_seq_cst);
          if (until == kNoDeadline) stop_watching_locked(m);
        }
        retire = until == kNoDeadline && s.m_alive > s.p_count;
        if (until != kNoDeadline && s.options.virtual_clock && advance_virtual_clock_locked(until)) until = 0;
      }
    }
    uint64_t wait_ns = UINT64_MAX;
    if (until != kNoDeadline) {
      const uint64_t now = now_ns();
      wait_ns = until > now ? until - now : 0;
      if (scheduler().options.virtual_clock && wait_ns != 0) wait_ns = 1'000'000;  // look again: time stands still until all sleep
    } else if (retire) {
      wait_ns = s.options.retire_ns;
    }
    // relaxed: a hint for wake_any_async(), which must not spend its wake-up on an M that waits for its locked green thread.
    m->takes_p.store(true, std::memory_order_relaxed);
    const bool woken = wait_ns == 0 ? m->sleep.try_take() : m->sleep.sleep(wait_ns);
    m->takes_p.store(false, std::memory_order_relaxed);
    base::LockGuard guard(s.lock);
    if (P* p = m->handed_p) {
      m->handed_p = nullptr;
      m->searching = m->handed_searching;
      m->handed_searching = false;
      attach_p_locked(m, p);
      return true;
    }
    const bool due = until != kNoDeadline && until <= now_ns();
    if (woken || due) {
      if (P* p = pop_idle_p_locked()) {
        s.idle.remove_idle();
        remove_idle_m_locked(m);
        stop_watching_locked(m);
        fill_watch_locked();
        attach_p_locked(m, p);
        return true;
      }
      if (due) stop_watching_locked(m);  // all Ps run: their Ms expire the timers, and the monitor sees to it
    } else if (retire && s.m_alive > s.p_count && !s.exiting.load(std::memory_order_relaxed)) {
      remove_idle_m_locked(m);
      fill_watch_locked();
      --s.m_alive;
      m->retired = true;
      return false;
    }
  }
}

void push_idle_m_locked(M* m) noexcept {
  scheduler().idle_ms.push_front(m);
  m->in_idle_list = true;
}

}  // namespace

void push_idle_p_locked(P* p) noexcept {
  Scheduler& s = scheduler();
  p->idle_next = s.idle_ps;
  p->idle = true;
  s.idle_ps = p;
}

void attach_p_locked(M* m, P* p) noexcept {
  m->p = p;
  m->gate.attach_p();
  monitor_wake();  // something may run from here on: hogs are its business
}

void wake_one() noexcept {
  Scheduler& s = scheduler();
  for (;;) {
    if (!s.idle.begin_wake()) return;
    P* p;
    bool exiting;
    {
      base::LockGuard guard(s.lock);
      exiting = s.exiting.load(std::memory_order_relaxed);
      p = exiting ? nullptr : pop_idle_p_locked();
      if (p != nullptr) s.idle.remove_idle();
    }
    if (p != nullptr) {
      give_p(p, true);
      return;
    }
    if (!s.idle.end_search() || exiting) return;
  }
}

void wake_any_async() noexcept {
  Scheduler& s = scheduler();
  // acquire: pairs with start_worker(), which publishes ms[i] before the count.
  const uint32_t count = s.m_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < count; ++i)
    if (s.ms[i]->takes_p.load(std::memory_order_relaxed) && s.ms[i]->sleep.wake_if_sleeping()) return;
  monitor_wake();  // one that is on its way to sleep may have been missed: the monitor looks at its next tick
}

void start_p(P* p) noexcept {
  Scheduler& s = scheduler();
  const uint64_t earliest = p->timer_earliest.load(std::memory_order_relaxed);
  const bool due = earliest != kNoDeadline && earliest <= now_ns();
  if (due || p->next() != nullptr || !p->queue.empty() || see_work()) {
    give_p(p, false);
    return;
  }
  bool nobody_watches;
  {
    base::LockGuard guard(s.lock);
    nobody_watches = earliest != kNoDeadline && s.watcher == nullptr && s.idle_ms.empty();
    if (!nobody_watches) {
      push_idle_p_locked(p);
      s.idle.add_idle();
      fill_watch_locked();
    }
  }
  if (nobody_watches) {  // a new M finds nothing to run, and takes the post: INV-IDLE3
    give_p(p, false);
    return;
  }
  s.idle.look_again();
  if (see_work()) wake_one();
}

bool release_and_sleep(M* m) noexcept {
  Scheduler& s = scheduler();
  P* p = m->p;
  {
    base::LockGuard guard(s.lock);
    if (s.exiting.load(std::memory_order_relaxed)) {
      // The P stays with nobody; stop() takes all of them down.
      m->gate.detach_p();
      m->p = nullptr;
      return false;
    }
    m->gate.detach_p();
    m->p = nullptr;
    push_idle_p_locked(p);
    if (m->searching) s.idle.search_to_idle();
    else s.idle.add_idle();
    m->searching = false;
    push_idle_m_locked(m);
  }
  s.idle.look_again();
  if (see_work()) {
    base::LockGuard guard(s.lock);
    if (m->handed_p == nullptr && remove_idle_p_locked(p)) {
      remove_idle_m_locked(m);
      stop_watching_locked(m);
      s.idle.idle_to_search();
      m->searching = true;
      attach_p_locked(m, p);
      return true;
    }
  }
  return sleep_in_idle_list(m);
}

bool sleep_for_p(M* m) noexcept {
  Scheduler& s = scheduler();
  {
    base::LockGuard guard(s.lock);
    if (s.exiting.load(std::memory_order_relaxed)) return false;
    if (P* p = m->handed_p) {  // a new M, or one that was handed a P before it came here
      m->handed_p = nullptr;
      m->searching = m->handed_searching;
      m->handed_searching = false;
      attach_p_locked(m, p);
      return true;
    }
    if (P* p = pop_idle_p_locked()) {
      s.idle.remove_idle();
      attach_p_locked(m, p);
      return true;
    }
    push_idle_m_locked(m);
  }
  return sleep_in_idle_list(m);
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
