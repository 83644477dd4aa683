// SPDX-License-Identifier: MIT
//
// What runs next. Two places decide: pick_local() on the stack of a green thread that parks or yields, for what its own P has; and the loop of
// the M on its system stack, for everything else: due timers, the global queue, I/O events, theft, sleep.
#include "runtime/sched/chaos.hpp"
#include "runtime/sched/halt.hpp"
#include "runtime/sched/poller.hpp"
#include "runtime/sched/posts.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/switch.hpp"

namespace causeway::sched {

namespace {

constexpr uint32_t kGlobalMask = kLoopTicks - 1;
constexpr uint32_t kMaxNextStreak = 3;  // run_next in a row while others wait in the ring
constexpr uint32_t kStealRounds = 4;
constexpr uint32_t kTakeGlobal = 64;
constexpr uint32_t kSpinRounds = 30;

uint64_t next_random(uint64_t& state) noexcept {  // xorshift64*
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 0x2545f4914f6cdd1dULL;
}

// Moves a share of the global queue into p's ring and returns one to run. Takes the injected ones over first.
G* take_global(P* p) noexcept {
  Scheduler& s = scheduler();
  if (!s.inject.empty()) {
    if (G* list = s.inject.take_all()) {
      uint32_t n = 1;
      G* last = list;
      for (; last->next != nullptr; last = last->next) ++n;
      if (n == 1) return list;
      push_global(list, last, n);
    }
  }
  if (take_posts(p))
    if (G* g = pick_local(p)) return g;
  // relaxed: a hint; the look again before sleep is ordered by the lock.
  if (s.global_size.load(std::memory_order_relaxed) == 0) return nullptr;
  G* first = nullptr;
  G* rest = nullptr;
  {
    base::LockGuard guard(s.lock);
    const uint32_t size = s.global_size.load(std::memory_order_relaxed);
    if (size == 0) return nullptr;
    uint32_t n = size / s.p_count + 1;
    if (n > kTakeGlobal) n = kTakeGlobal;
    const uint32_t room = kRunQueueCapacity - p->queue.size();
    if (n > room) n = room > 0 ? room : 1;
    first = s.global_first;
    G* last = first;
    for (uint32_t i = 1; i < n && last->next != nullptr; ++i) last = last->next;
    uint32_t taken = 1;
    for (G* g = first; g != last; g = g->next) ++taken;
    s.global_first = last->next;
    if (s.global_first == nullptr) s.global_last = nullptr;
    last->next = nullptr;
    s.global_size.store(size - taken, std::memory_order_relaxed);
    rest = first->next;
    first->next = nullptr;
  }
  bool pushed = false;
  while (rest != nullptr) {
    G* g = rest;
    rest = g->next;
    g->next = nullptr;
    if (!p->queue.push(g)) {
      push_global(g, g, 1);
      continue;
    }
    pushed = true;
  }
  if ((pushed || s.global_size.load(std::memory_order_relaxed) != 0) && s.idle.should_wake()) wake_one();
  return first;
}

G* steal(M* m, P* mine) noexcept {
  Scheduler& s = scheduler();
  for (uint32_t round = 0; round < kStealRounds; ++round) {
    uint32_t at = static_cast<uint32_t>(next_random(m->random) % s.p_count);
    for (uint32_t i = 0; i < s.p_count; ++i, at = at + 1 == s.p_count ? 0 : at + 1) {
      P* victim = s.ps[at];
      if (victim == mine) continue;
      G* first = nullptr;
      if (victim->queue.steal_into(mine->queue, &first) != 0) return first;
    }
  }
  return nullptr;
}

// A green thread whose timer is due on the wheel of another P, or null. Nobody needs a search token for that: the other P's M may be woken
// and still wait for a CPU, with the only token. Without this look the watcher, which is called to a deadline of any wheel, would find the
// deadline passed again and again, and keep that CPU busy.
G* expire_others(P* mine) noexcept {
  Scheduler& s = scheduler();
  uint64_t now = 0;  // not read yet
  for (uint32_t i = 0; i < s.p_count; ++i) {
    P* other = s.ps[i];
    // relaxed: a hint, as in loop_is_due().
    if (other == mine || other->timer_earliest.load(std::memory_order_relaxed) == kNoDeadline) continue;
    if (now == 0) now = now_ns();
    if (!run_timers(other, mine, now)) continue;
    if (G* g = pick_local(mine)) return g;
  }
  return nullptr;
}

// The first of those that an I/O event lets run, or null; the others go to p's ring.
G* take_events(P* p, PollWhen when) noexcept {
  ReadyList ready;
  poll_if_wanted(when, ready);
  G* first = ready.pop();
  if (ready.count != 0) push_runnable_all(p, ready);
  return first;
}

// The next green thread for m, with a P to run it on; null: the M must end.
G* find_runnable(M* m) noexcept {
  Scheduler& s = scheduler();
  uint32_t spins = 0;
  for (;;) {
    if (m->p == nullptr && !sleep_for_p(m)) return nullptr;
    P* p = m->p;
    if (m->pending != nullptr) {
      G* g = m->pending;
      m->pending = nullptr;
      return g;
    }
    if (p->timer_earliest.load(std::memory_order_relaxed) != kNoDeadline) run_timers(p, p, now_ns());
    if ((p->tick() & kGlobalMask) == kGlobalMask) {
      p->next_tick();
      ReadyList ready;
      poll_if_wanted(PollWhen::NotTooOften, ready);  // busy Ps look too: who waits for a descriptor does not starve
      if (ready.count != 0) push_runnable_all(p, ready);
      if (G* g = take_global(p)) return g;
    }
    if (G* g = pick_local(p)) return g;
    if (G* g = take_global(p)) return g;
    if (s.p_count > 1) {
      if (!m->searching) m->searching = s.idle.begin_search();
      if (m->searching) {
        if (G* g = steal(m, p)) return g;
      }
      if (G* g = expire_others(p)) return g;
      if (m->searching) {
        // Not while somebody waits for a descriptor and nobody polls: the next work may come from there, and a spinner does not see it.
        if (spins++ < kSpinRounds && !poller_is_unattended()) {
          for (int i = 0; i < 16; ++i) arch::relax();
          if (!s.exiting.load(std::memory_order_relaxed)) continue;  // relaxed: sleep looks again under the lock
        }
      }
    }
    spins = 0;
    if (G* g = take_events(p, PollWhen::Always)) return g;
    if (!release_and_sleep(m)) return nullptr;
  }
}

}  // namespace

G* pick_local(P* p) noexcept {
  p->next_tick();
  G* next = p->next();
  if (next != nullptr) {
    if (p->next_streak < kMaxNextStreak || p->queue.empty()) {
      p->set_next(nullptr);
      ++p->next_streak;
      return next;
    }
    p->next_streak = 0;
    G* g = p->queue.pop();
    if (g != nullptr) return g;
    p->set_next(nullptr);
    return next;
  }
  p->next_streak = 0;
  return p->queue.pop();
}

void push_global(G* first, G* last, uint32_t n) noexcept {
  base::LockGuard guard(scheduler().lock);
  push_global_locked(first, last, n);
}

void push_global_locked(G* first, G* last, uint32_t n) noexcept {
  Scheduler& s = scheduler();
  last->next = nullptr;
  if (s.global_last != nullptr) s.global_last->next = first;
  else s.global_first = first;
  s.global_last = last;
  s.global_size.store(s.global_size.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

namespace {

// The ring is full: half of it and `g` go to the global queue.
CW_NOINLINE void spill(P* p, G* g) noexcept {
  G* batch[kRunQueueCapacity / 2];
  const uint32_t n = p->queue.drain_half(batch, kRunQueueCapacity / 2);
  for (uint32_t i = 0; i + 1 < n; ++i) batch[i]->next = batch[i + 1];
  if (n == 0) {
    push_global(g, g, 1);
    return;
  }
  batch[n - 1]->next = g;
  push_global(batch[0], g, n + 1);
}

}  // namespace

void push_runnable(P* p, G* g) noexcept {
  if (!p->queue.push(g)) [[unlikely]]
    spill(p, g);
  Scheduler& s = scheduler();
  if (s.p_count > 1 && s.idle.should_wake()) wake_one();
}

void push_runnable_all(P* p, ReadyList& list) noexcept {
  while (G* g = list.pop()) {
    g->state.store(GState::Runnable, std::memory_order_relaxed);
    if (!p->queue.push(g)) [[unlikely]]
      spill(p, g);
  }
  Scheduler& s = scheduler();
  if (s.p_count > 1 && s.idle.should_wake()) wake_one();
}

bool loop_is_due(P* p) noexcept {
  if ((p->tick() & kGlobalMask) == kGlobalMask) return true;
  // relaxed: armed by this P's owner, or stale by one look.
  const uint64_t earliest = p->timer_earliest.load(std::memory_order_relaxed);
  return earliest != kNoDeadline && earliest <= now_ns();
}

void park_current(M* m, G* g, Deferred* deferred) noexcept {
  P* p = m->p;
  G* to = &m->system;
  // Only what is plainly next is taken here; anything special is the loop's.
  if (m->locked_g == nullptr && p != nullptr && !loop_is_due(p)) {
    G* next = pick_local(p);
    if (next != nullptr) {
      if (next->locked_m != nullptr) [[unlikely]] {
        m->pending = next;
      } else {
        if (next->sp == nullptr) bind_stack(p, next);
        to = next;
      }
    }
  }
  if (!to->is_system) to->state.store(GState::Running, std::memory_order_relaxed);
  switch_context(m, g, to, deferred);
}

void run_loop(M* m) noexcept {
  for (;;) {
    m->gate.rest(crossing::Where::Loop);
    if (m->locked_g != nullptr) {
      if (!wait_for_locked(m)) return;
    }
    G* g = find_runnable(m);
    if (m->searching) {
      m->searching = false;
      if (scheduler().idle.end_search() && g != nullptr) wake_one();
    }
    if (g == nullptr) return;
    if (g->locked_m != nullptr && g->locked_m != m) {
      hand_to_locked(m, g);
      continue;
    }
    if (scheduler().options.migrate_always && chaos::pass_on(m, g)) [[unlikely]]
      continue;
    leave_loop(m);
    if (g->sp == nullptr) bind_stack(m->p, g);
    g->state.store(GState::Running, std::memory_order_relaxed);
    switch_context(m, &m->system, g, nullptr);
    // Whoever switched here ran its deferred action in switch_context().
  }
}

}  // namespace causeway::sched
