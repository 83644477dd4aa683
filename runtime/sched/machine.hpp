// SPDX-License-Identifier: MIT
//
// M: an OS thread that runs green threads.
//
// The first line is the one that crossings touch: the gate (who may touch this M's P), the P, and what runs. `system` is the M's own context:
// the scheduler's loop on the thread's own stack. Ms are never freed while the runtime is up.
//
// The M of the calling thread is read through os::this_m(), a call that no compiler may move over a switch. After a switch, code uses
// G::m of the green thread that runs, never an M that it remembered.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>

#include "runtime/crossing/crossing.hpp"
#include "runtime/os/os.hpp"
#include "runtime/sched/green.hpp"
#include "runtime/sched/hog.hpp"
#include "runtime/sched/park_word.hpp"

namespace causeway::sched {

struct P;

struct alignas(64) M {
  // --- hot: the owner, and others through the gate's own rules ---
  crossing::Gate<> gate;
  P* p = nullptr;             // owner while inside the runtime; the retaker under Scheduler::lock
  G* current = nullptr;       // what runs: a green thread, or &system
  EhGlobals* eh = nullptr;    // this thread's exception globals; constant
  int* errno_word = nullptr;  // this thread's errno; constant
  // --- owner only ---
  G system;                // the scheduler's own context; constant identity
  bool searching = false;  // counted in Scheduler::idle
  // A green thread that the loop must take first: it is locked, to another M (owner writes) or to this one (hand_to_locked, under the lock).
  G* pending = nullptr;
  G* locked_g = nullptr;  // the green thread that keeps this thread
  uint64_t random = 0;
  uint32_t async_depth = 0;  // calls of ours from signal handlers that interrupted the runtime on this thread
  bool never_waits =
      false;  // inside a NeverWaits scope: a handler may have interrupted user code anywhere, in malloc or under a lock of ours
  // --- asleep: written under Scheduler::lock before wake(), read by the owner after it ---
  SleepWord<> sleep;
  P* handed_p = nullptr;
  bool handed_searching = false;
  // --- guarded by Scheduler::lock ---
  base::Link idle_link;
  bool in_idle_list = false;
  std::atomic<bool> takes_p{false};  // asleep for any P, not for its locked green thread; a hint, relaxed everywhere
  bool retired = false;              // left because there were too many; no longer in m_alive
  // --- its own rules: hog.hpp ---
  HogState hog;
  // --- constant after creation ---
  uint32_t id = 0;
  pthread_t thread{};         // guarded by Scheduler::lock, as thread_valid
  bool thread_valid = false;  // to be joined
  std::atomic<int> tid{0};
  uintptr_t stack_low = 0, stack_high = 0;
  os::AltStack alt_stack;
  std::atomic<bool> ended{false};  // the thread has left its loop; joined by whoever stops or uses the record again
};

}  // namespace causeway::sched
