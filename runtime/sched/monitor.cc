// SPDX-License-Identifier: MIT
//
// The monitor: one thread of ours that holds no P. It ticks every 10 ms while something runs, and sleeps without a time when nothing does.
//
// Each tick, in this order:
//   calls      a call to C that lasts loses its P (come_back.cc)
//   hogs       a green thread that keeps a P for longer than hog_ns while others wait loses the P (not the CPU): one membarrier for all
//              candidates, then crossing/gate.hpp decides who was in user code. The hog parks at its next call of ours.
//   leftovers  work or due timers beside an idle P: somebody is woken (INV-IDLE3's second line)
//   events     of descriptors, if no M sits in the poller; and somebody is sent there (INV-IDLE4 in watch.hpp)
//   stacks     pages of free stacks go back, a few at a time; threads that have retired are joined
//   reports    hogs by the name of their function (hog.hpp), and with option stall the waits that last too long (stall.hpp), with
//              option callback the calls in (long_calls.hpp)
// Before it goes to sleep it looks for a deadlock (deadlock.hpp).
//
// Not chosen: a signal to take the P. The gate shows without one whether its M is in user code, and a signal is the host's to use.
#include "runtime/sched/come_back.hpp"
#include "runtime/sched/deadlock.hpp"
#include "runtime/sched/fork.hpp"
#include "runtime/sched/hog.hpp"
#include "runtime/sched/long_calls.hpp"
#include "runtime/sched/own_signal.hpp"
#include "runtime/sched/poller.hpp"
#include "runtime/sched/posts.hpp"
#include "runtime/sched/scheduler.hpp"
#include "runtime/sched/stall.hpp"

namespace causeway::sched {

namespace {

constexpr uint64_t kTickNs = 10'000'000;
constexpr uint64_t kOverdueNs = 1'000'000;
constexpr uint32_t kAwake = 0, kAsleep = 1, kEnd = 2;
constexpr uint32_t kCandidates = 64;

struct Monitor {
  std::atomic<uint32_t> state{kAwake};
  pthread_t thread{};
  bool valid = false;
  std::atomic<int> tid{0};
};
Monitor monitor;

}  // namespace

bool waits_for_p(const P* p) noexcept {
  Scheduler& s = scheduler();
  const uint64_t earliest = p->timer_earliest.load(std::memory_order_relaxed);
  if (earliest != kNoDeadline && earliest + kOverdueNs < now_ns()) return true;
  return p->next() != nullptr || !p->queue.empty() || s.global_size.load(std::memory_order_relaxed) != 0 || !s.inject.empty() ||
         posts_wait();
}

namespace {

// Takes the Ps of green threads that ran through for long, with others waiting.
void detach_hogs(uint64_t now) noexcept {
  Scheduler& s = scheduler();
  M* candidates[kCandidates];
  uint32_t n = 0;
  {
    base::LockGuard guard(s.lock);
    const uint32_t count = s.m_count.load(std::memory_order_relaxed);
    for (uint32_t i = 0; i < count && n < kCandidates; ++i) {
      M* m = s.ms[i];
      P* p = m->p;
      if (p == nullptr || m->gate.anchor() != 0) continue;  // in C: retake_from_c()
      const uint32_t tick = p->tick();
      if (p->seen_m != m || p->seen_tick != tick) {
        p->seen_m = m;
        p->seen_tick = tick;
        p->seen_since_ns = now;
        continue;
      }
      if (now - p->seen_since_ns < s.options.hog_ns || !waits_for_p(p)) continue;
      if (s.hogs + n >= s.max_hogs) {
        hog_refused();
        continue;
      }
      if ((m->gate.request(crossing::poll::kDetach) & crossing::poll::kDetach) != 0) candidates[n++] = m;
    }
  }
  if (n == 0) return;
  base::asym::heavy();  // once for all: pairs with light() in Gate::enter_runtime()
  P* taken[kCandidates];
  uint32_t got = 0;
  {
    base::LockGuard guard(s.lock);
    for (uint32_t i = 0; i < n; ++i) {
      M* m = candidates[i];
      if (!m->gate.try_take(crossing::poll::kDetach)) continue;
      taken[got++] = m->p;
      hog_detached_locked(m, m->p->seen_since_ns);
      m->p = nullptr;
      ++s.hogs;
    }
  }
  s.hogs_detached.fetch_add(got, std::memory_order_relaxed);
  for (uint32_t i = 0; i < got; ++i) start_p(taken[i]);
}

void wake_for_leftovers(uint64_t now) noexcept {
  Scheduler& s = scheduler();
  if (s.idle.view().idle == 0) return;
  const uint64_t earliest = earliest_timer();
  const bool overdue = earliest != kNoDeadline && earliest + kOverdueNs < now;
  bool work = overdue || !s.inject.empty() || posts_wait() || s.global_size.load(std::memory_order_relaxed) != 0;
  for (uint32_t i = 0; i < s.p_count && !work; ++i) work = !s.ps[i]->queue.empty();
  if (!work) {  // an idle P with a run-next: no thread could be had when it was given up
    base::LockGuard guard(s.lock);
    for (P* p = s.idle_ps; p != nullptr && !work; p = p->idle_next) work = p->next() != nullptr;
  }
  if (work) wake_one();
}

// Sleeps up to `ns` unless it is to end. True: go on.
bool pause(uint64_t ns) noexcept {
  os::futex_wait(monitor.state, kAwake, ns);
  return monitor.state.load(std::memory_order_acquire) != kEnd;
}

void* monitor_main(void*) {
  Scheduler& s = scheduler();
  monitor.tid.store(os::thread_id(), std::memory_order_relaxed);
  StallWatch stalls(s.options.stall_ns);
  LongCalls long_calls(s.options.long_call_ns);
  DeadlockCheck deadlock(stalls);
  uint64_t tick_ns = kTickNs;
  for (;;) {
    if (!pause(tick_ns)) return nullptr;
    const uint64_t now = os::now_ns();
    s.coarse_ns.store(now, std::memory_order_relaxed);
    const uint64_t soon = retake_from_c(now);
    tick_ns = soon < kTickNs ? soon : kTickNs;
    detach_hogs(now);
    retry_posts();
    wake_for_leftovers(s.options.virtual_clock ? now_ns() : now);
    monitor_poll();
    uint64_t next_scavenge = s.stacks.scavenge(now);
    join_retired_workers();
    report_hogs(now);
    stalls.look(now);
    long_calls.look(now);
    if (!all_idle() || hog_reports_wait()) {
      deadlock.reset();
      continue;
    }
    if (deadlock.look()) continue;  // suspicion: look again after a tick
    uint32_t seen = kAwake;
    // seq_cst: our state, then our look at the idle Ps; give_p() changes those, then looks at the state (monitor_wake).
    if (!monitor.state.compare_exchange_strong(seen, kAsleep, std::memory_order_seq_cst)) continue;
    base::RealAtomics::fence_seq_cst();
    if (all_idle()) {
      uint64_t sleep_ns = next_scavenge == UINT64_MAX ? UINT64_MAX : next_scavenge > now ? next_scavenge - now : kTickNs;
      if (deadlock.patience_ns() < sleep_ns) sleep_ns = deadlock.patience_ns();
      if (stalls.on() && stalls.period_ns() < sleep_ns) sleep_ns = stalls.period_ns();
      if (long_calls.on() && long_calls.period_ns() < sleep_ns) sleep_ns = long_calls.period_ns();
      os::futex_wait(monitor.state, kAsleep, sleep_ns);
      s.coarse_ns.store(os::now_ns(), std::memory_order_relaxed);  // others have begun to run
    }
    seen = kAsleep;
    monitor.state.compare_exchange_strong(seen, kAwake, std::memory_order_seq_cst);  // fails: woken, or to end
  }
}

}  // namespace

bool all_idle() noexcept {
  Scheduler& s = scheduler();
  const bool hogs = [&] {
    base::LockGuard guard(s.lock);
    return s.hogs != 0;
  }();
  if (hogs || s.idle.view().idle != s.p_count || !s.inject.empty() || !no_posts() || s.global_size.load(std::memory_order_relaxed) != 0)
    return false;
  for (uint32_t i = 0; i < s.p_count; ++i)
    if (s.ps[i]->next() != nullptr || !s.ps[i]->queue.empty()) return false;
  if (poller_is_unattended()) return false;
  // A timer that nobody watches (INV-IDLE3 in watch.hpp: no M was left for the post) is ours until somebody does.
  return earliest_timer() == kNoDeadline || s.watch_deadline.load(std::memory_order_relaxed) != 0;
}

int monitor_tid() noexcept { return monitor.tid.load(std::memory_order_relaxed); }

void monitor_wake() noexcept {
  base::RealAtomics::fence_seq_cst();  // what was changed, then the state; pairs with monitor_main()
  if (monitor.state.load(std::memory_order_relaxed) != kAsleep) return;
  uint32_t seen = kAsleep;
  if (monitor.state.compare_exchange_strong(seen, kAwake, std::memory_order_seq_cst)) os::futex_wake(monitor.state, 1);
}

base::Result<void> start_monitor() noexcept {
  choose_own_signal(scheduler().options.signal);
  start_hog_reports();
  scheduler().coarse_ns.store(os::now_ns(), std::memory_order_relaxed);
  monitor.state.store(kAwake, std::memory_order_relaxed);  // relaxed: pthread_create publishes it
  constexpr size_t kMonitorStack = size_t{256} << 10;
  auto created = os::thread_create(&monitor_main, nullptr, kMonitorStack, "causeway-watch");
  if (!created) return created.error();
  monitor.thread = *created;
  monitor.valid = true;
  return {};
}

void forget_monitor() noexcept { monitor.valid = false; }

void stop_monitor() noexcept {
  if (!monitor.valid) return;
  monitor.state.store(kEnd, std::memory_order_release);
  os::futex_wake(monitor.state, 1);
  pthread_join(monitor.thread, nullptr);
  monitor.valid = false;
  give_back_own_signal();
}

}  // namespace causeway::sched
