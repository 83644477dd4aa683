// SPDX-License-Identifier: MIT
//
// M: an OS thread that runs green threads.
//
// The first two lines are what crossings touch, and a call in nothing else: the gate (who may touch this M's P), what runs, the C stack in use, the
// counts. `system` is the M's own context: the scheduler's loop on the thread's own stack. Ms are never freed while the runtime is up.
//
// The M of the calling thread is read through os::this_m(), a call that no compiler may move over a switch. After a switch, code uses
// G::m of the green thread that runs, never an M that it remembered.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/crossing/crossing.hpp"
#include "runtime/os/os.hpp"
#include "runtime/sched/green.hpp"
#include "runtime/sched/hog.hpp"
#include "runtime/sched/host_stacks.hpp"
#include "runtime/sched/park_word.hpp"
#include "runtime/sched/shut.hpp"

namespace causeway::sched {

struct P;

// Where a halted M stands in its green thread. Registers that a callee keeps lie in [low, ...) of the stack that it halted on; those of code that a
// signal interrupted in `registers` too.
struct HaltPlace {
  uintptr_t sp = 0, fp = 0, pc = 0;
  uintptr_t link = 0;  // the return register of interrupted code, where a CPU has one
  uintptr_t low = 0;   // the lowest address in use: sp, or what the code may use below it
  os::MemoryRange registers{};
};

struct alignas(128) M {
  // --- hot: the owner, and others through the gate's own rules. Two lines are all that a call in touches ---
  crossing::Gate<> gate;
  G* current = nullptr;              // what runs: a green thread, or &system
  EhGlobals* eh = nullptr;           // this thread's exception globals; constant
  os::ThreadWords* words = nullptr;  // this thread's; constant while it is bound
  G* call_greens = nullptr;          // for calls in: ready records with warm stacks, linked by next_ready
  // The C stack in use, and the one before, to which hosts that alternate come back. Hints: nothing is read through them. system_stack.cc
  HostWindow host;
  uint64_t id_base = 0, id_limit = 0;                 // the n-th call in has the id id_base + n, while n is below id_limit
  std::atomic<uint64_t> calls_in{0}, calls_ended{0};  // below
  P* p = nullptr;                                     // owner while inside the runtime; the retaker under Scheduler::lock
  int* errno_word = nullptr;                          // this thread's errno; constant
  // --- owner only ---
  HostWindow host_before;
  const void* leaf = nullptr;  // the function of the leaf call under way
  G* base = nullptr;           // a worker's: the green thread without C frames below it that called out last
  G system;                    // the scheduler's own context; constant identity
  bool searching = false;      // counted in Scheduler::idle
  // A green thread that the loop must take first: it is locked, to another M (owner writes) or to this one (hand_to_locked, under the lock).
  G* pending = nullptr;
  G* locked_g = nullptr;  // the green thread that keeps this thread
  uint64_t random = 0;
  uint32_t async_depth = 0;  // calls of ours from signal handlers that interrupted the runtime on this thread
  bool never_waits =
      false;             // inside a NeverWaits scope: a handler may have interrupted user code anywhere, in malloc or under a lock of ours
  bool foreign = false;  // of a thread that the runtime did not make: no P, never in the loop; constant
  bool lost = false;  // in a child of fork(): green threads of the parent's runtime are below what runs here, or it is a worker's. fork.hpp
  char* text = nullptr;        // of a bound thread's last error, from malloc
  int last_tid = 0;            // of the thread that it was bound to before, for reports
  uint32_t attached = 0;       // cw_thread_attach
  G* skipped_first = nullptr;  // skipped.hpp, linked by next_ready
  G* skipped_last = nullptr;
  uint32_t skipped_count = 0;
  bool owes_closers = false;  // whoever closes a callback that was skipped is told at the end of the next call in
  HostStacks stacks;          // what is known of the C stacks that this thread came on
  // Counters: the owner adds, anyone reads.
  std::atomic<uint64_t> calls_out{0}, nested{0}, stacks_learned{0}, stacks_accepted{0}, retired_calls{0};
  // Calls in that began here, ended here, came from another thread, and went to one (other threads add): inside() is in progress.
  std::atomic<uint64_t> taken_over{0}, left_for_another{0};
  uint64_t left_seen = 0;
  uint64_t seen_call = 0, seen_call_ns = 0;  // the monitor's: which call out it saw last, and since when
  std::atomic<uint32_t> spare_next{0};       // spare list: id + 1 of the next one
  std::atomic<bool> orphan{false};           // its thread has ended before some calls in on it
  std::atomic<uint32_t> binding{0};          // odd while bound: foreign.hpp, INV-FM4
  // --- asleep: written under Scheduler::lock before wake(), read by the owner after it ---
  SleepWord<> sleep;
  P* handed_p = nullptr;
  bool handed_searching = false;
  // --- guarded by Scheduler::lock ---
  base::Link idle_link;
  bool in_idle_list = false;
  std::atomic<bool> takes_p{false};  // asleep for any P, not for its locked green thread; a hint, relaxed everywhere
  bool retired = false;              // left because there were too many; no longer in m_alive
  // --- their own rules: hog.hpp, halt.hpp, own_signal.hpp ---
  HogState hog;
  HaltPlace halt;
  std::atomic<bool> signalled{false};
  // --- constant after creation ---
  uint32_t id = 0;
  pthread_t thread{};         // guarded by Scheduler::lock, as thread_valid
  bool thread_valid = false;  // to be joined
  std::atomic<int> tid{0};
  base::Relaxed<uintptr_t> stack_low, stack_high;  // a worker's own; 0 until its thread runs
  os::AltStack alt_stack;
  std::atomic<bool> ended{false};  // the thread has left its loop; joined by whoever stops or uses the record again

  // Calls in, in progress. Exact for the owner, else a sum of moments.
  uint64_t inside() const noexcept {
    const uint64_t gone = calls_gone(*this);  // read first, so that the difference is not too small
    return calls_come(*this) - gone;
  }
};

static_assert(offsetof(M, calls_ended) + sizeof(M::calls_ended) <= 128, "a call in touches two lines of the M");

}  // namespace causeway::sched
