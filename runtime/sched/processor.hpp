// SPDX-License-Identifier: MIT
//
// P: the right to run green threads, and the caches that go with it.
//
// Whoever holds a P touches its plain fields without a lock; "holds" means: it is an M inside the runtime (crossing/gate.hpp) whose
// `p` points here, or the monitor after it has taken the P from an M that is outside. A P is handed over only under Scheduler::lock.
//
// `run_next` is the green thread that the current one just made ready: it runs next, on this P only. A ping-pong therefore never executes a
// locked instruction for queueing. It is not stealable; the monitor takes the whole P away from a green thread that runs on for long.
#pragma once

#include <cstdint>

#include "runtime/sched/green.hpp"
#include "runtime/sched/run_queue.hpp"
#include "runtime/sched/timer_wheel.hpp"
#include "runtime/stack/stack.hpp"

namespace causeway::sched {

inline constexpr uint32_t kRunQueueCapacity = 1024;
inline constexpr uint32_t kLoopTicks = 64;  // every 64th decision is the loop's, which looks at the global queue first

struct alignas(64) P {
  P(uint32_t id_, bool solo, stack::Pool& pool, uint64_t now) noexcept : id(id_), queue(solo), stacks(pool), timers(now) {}

  // --- owner only ---
  const uint32_t id;
  uint32_t tick_step = 1;    // how far each decision moves tick_; constant
  uint32_t next_streak = 0;  // run_next taken in a row while the ring was not empty (kMaxNextStreak)
  // Scheduling decisions; and what runs next. Only the owner writes; relaxed everywhere: the monitor reads them as hints.
  std::atomic<uint32_t> tick_{0};
  std::atomic<G*> run_next_{nullptr};
  G* free_greens = nullptr;  // ready records, linked by next
  uint32_t free_count = 0;
  uint64_t next_id = 0, last_id = 0;  // green ids reserved for this P
  // Counters behind cw_runtime_stats: the owner adds, anyone reads.
  std::atomic<uint64_t> spawned{0}, ended{0};
  // --- owner and thieves: INV-RQ1..3 ---
  RunQueue<G, kRunQueueCapacity> queue;
  // --- owner only ---
  stack::Cache stacks;
  // --- guarded by timer_lock; timer_earliest is read without it ---
  base::Lock timer_lock{base::LockRank::Timer};
  // Lower bound of the earliest deadline, kNoDeadline when there is none. relaxed reads: a stale value costs one look too many or is
  // made good by the sleeper, who reads it under the lock.
  std::atomic<uint64_t> timer_earliest{kNoDeadline};
  TimerWheel timers;
  // --- guarded by Scheduler::lock ---
  P* idle_next = nullptr;
  bool idle = false;
  // The monitor's notes: what ran at its last look.
  const void* seen_m = nullptr;
  uint32_t seen_tick = 0;
  uint64_t seen_since_ns = 0;

  // For migrate=always: keeps the tick where loop_is_due() says so each time. Before the P is used.
  void always_ask_the_loop() noexcept {
    tick_.store(kLoopTicks - 1, std::memory_order_relaxed);
    tick_step = kLoopTicks;
  }
  uint32_t tick() const noexcept { return tick_.load(std::memory_order_relaxed); }
  void next_tick() noexcept { tick_.store(tick() + tick_step, std::memory_order_relaxed); }
  G* next() const noexcept { return run_next_.load(std::memory_order_relaxed); }
  void set_next(G* g) noexcept { run_next_.store(g, std::memory_order_relaxed); }
  // release: whoever sums up and sees this end also sees what the green thread spawned, on any P.
  void count_end() noexcept { ended.store(ended.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  static void count(std::atomic<uint64_t>& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};

}  // namespace causeway::sched
