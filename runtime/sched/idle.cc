// SPDX-License-Identifier: MIT
//
// Sleep and wake-up. An M without work gives its P to the idle list, looks once more, and sleeps on its own word. Work that is published wakes
// at most one M at a time, which then searches (idle_word.hpp has the protocol and its invariants).
//
// Who of the sleeping Ms watches the timers and sits in the poller is watch.cc's business.
#include "runtime/sched/posts.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/switch.hpp"
#include "runtime/sched/watch.hpp"

namespace causeway::sched {

namespace {

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
  if (hand_to_sleeping_owner(p)) {
    if (searching && s.idle.end_search()) wake_one();
    return;
  }
  // No thread to be had. The P stays idle; those that run find its work by theft, which is why its run-next goes into the ring.
  if (G* next = p->next()) {
    p->set_next(nullptr);
    if (!p->queue.push(next)) push_global(next, next, 1);
  }
  {
    base::LockGuard guard(s.lock);
    push_idle_p_locked(p);
    if (searching) s.idle.search_to_idle();
    else s.idle.add_idle();
  }
  monitor_wake();  // perhaps nobody runs: it tries again
}

// Work or due timers anywhere: the last look before sleep.
bool see_work() noexcept {
  Scheduler& s = scheduler();
  if (!s.inject.empty() || s.global_size.load(std::memory_order_relaxed) != 0 || posts_wait()) return true;
  for (uint32_t i = 0; i < s.p_count; ++i)
    if (!s.ps[i]->queue.empty()) return true;
  return false;
}

// What events let run, on an M that has just got a P: the first one is for this M, and not for one that would have to be woken to rob it.
void run_events(P* p, ReadyList& ready) noexcept {
  if (p->next() == nullptr) {
    G* first = ready.pop();
    first->state.store(GState::Runnable, std::memory_order_relaxed);
    p->set_next(first);
  }
  if (ready.count != 0) push_runnable_all(p, ready);
}

// All that an M without a P does with what events let run: to the queue of the P that it has by now, or to everybody's.
// Needs: lock. True: it has a P
bool take_p_locked(M* m, P* p, ReadyList& ready) noexcept {
  if (p != nullptr) {
    attach_p_locked(m, p);
    return true;
  }
  if (ready.count == 0) return false;
  // Every P is held. Who gives one up later takes the lock after us, and looks again: INV-IDLE2.
  for (G* g = ready.first; g != nullptr; g = g->next) g->state.store(GState::Runnable, std::memory_order_relaxed);
  push_global_locked(ready.first, ready.last, ready.count);
  ready.clear();
  return false;
}

// Asleep in the idle list until a P was handed over or could be taken. True: m has a P (and perhaps a search token).
bool sleep_in_idle_list(M* m) noexcept {
  Scheduler& s = scheduler();
  bool quiet = false;
  for (;;) {
    Rest rest;
    ReadyList ready;
    {
      base::LockGuard guard(s.lock);
      if (m->handed_p == nullptr) {
        if (s.exiting.load(std::memory_order_relaxed)) {
          if (m->in_idle_list) remove_idle_m_locked(m);
          stop_watching_locked(m);
          return false;
        }
        rest = choose_rest_locked(m, quiet);
      }
    }
    const bool woken = take_rest(m, rest, ready);
    quiet = rest.in_poller && !woken && ready.count == 0;
    {
      base::LockGuard guard(s.lock);
      if (rest.in_poller) leave_poller_locked(m);
      P* p = m->handed_p;
      const bool due = rest.until != kNoDeadline && rest.until <= now_ns();
      if (p != nullptr) {
        m->handed_p = nullptr;
        m->searching = m->handed_searching;
        m->handed_searching = false;
      } else if (woken || due || ready.count != 0) {
        p = pop_idle_p_locked();
        if (p != nullptr) {
          s.idle.remove_idle();
          remove_idle_m_locked(m);
          stop_watching_locked(m);
          fill_watch_locked();
        } else if (due) {
          stop_watching_locked(m);  // all Ps run: their Ms expire the timers, and the monitor sees to it
        }
      } else if (rest.retire && s.m_alive > s.p_count && !s.exiting.load(std::memory_order_relaxed)) {
        remove_idle_m_locked(m);
        fill_watch_locked();
        --s.m_alive;
        m->retired = true;
        return false;
      }
      if (!take_p_locked(m, p, ready)) continue;
    }
    if (ready.count != 0) run_events(m->p, ready);
    return true;
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

bool take_idle_p_locked(M* m) noexcept {
  P* p = pop_idle_p_locked();
  if (p == nullptr) return false;
  scheduler().idle.remove_idle();
  attach_p_locked(m, p);
  return true;
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
  bool lacks_m;
  {
    base::LockGuard guard(s.lock);
    push_idle_p_locked(p);
    s.idle.add_idle();
    lacks_m = s.idle_ms.empty() && post_is_free_locked();
    if (lacks_m) {
      remove_idle_p_locked(p);
      s.idle.remove_idle();
    } else {
      fill_watch_locked();
    }
  }
  if (lacks_m) {  // a new M finds nothing to run, and takes the post: INV-IDLE3, INV-IDLE4
    give_p(p, false);
    return;
  }
  s.idle.look_again();
  if (see_work()) wake_one();
}

void send_to_post() noexcept {
  Scheduler& s = scheduler();
  P* p = nullptr;
  {
    base::LockGuard guard(s.lock);
    if (s.idle_ps == nullptr || !post_is_free_locked()) return;
    if (!s.idle_ms.empty()) {
      s.idle_ms.front()->sleep.wake();  // it takes a P, finds nothing, and goes to sleep at the post
      return;
    }
    p = pop_idle_p_locked();
    s.idle.remove_idle();
  }
  give_p(p, false);
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

bool give_to_stranger(M* m, G* g) noexcept {
  Scheduler& s = scheduler();
  P* p = m->p;
  M* to = nullptr;
  {
    base::LockGuard guard(s.lock);
    s.idle_ms.for_each([&](M* each) {
      const bool stranger = each != g->m && each != g->came_from && each->handed_p == nullptr;
      if (stranger && (to == nullptr || to == s.watcher)) to = each;  // the watcher only when there is no other
    });
    m->gate.detach_p();
    m->p = nullptr;
    if (to != nullptr) {
      remove_idle_m_locked(to);
      stop_watching_locked(to);
      fill_watch_locked();
      to->pending = g;
      to->handed_p = p;
      to->handed_searching = false;
    }
  }
  if (to != nullptr) {
    to->sleep.wake();
    return true;
  }
  G* next = p->next();
  p->set_next(g);
  if (next != nullptr) ready_in_turn(p, next);
  if (start_worker(p, false) != nullptr) return true;
  p->set_next(nullptr);
  base::LockGuard guard(s.lock);
  attach_p_locked(m, p);
  return false;
}

}  // namespace causeway::sched
