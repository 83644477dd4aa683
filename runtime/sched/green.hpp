// SPDX-License-Identifier: MIT
//
// G: the record of one green thread.
//
// Records live in the arena (arena.hpp), are reused and never freed while the runtime is up; a stale pointer to one stays readable, and the
// generation tells whether it is still the same green thread. The stack is bound at the first run and released at the end, so a G that
// was only spawned costs its record. Nothing that a switch needs is on a second cache line.
//
// Life: spawned → queued → running ⇄ parked → ended. Who frees the record is settled by one word, `life`:
//   kDone      set by the green thread's own end, its last touch of the record when nobody joins
//   kReleased  set by the holder of the last reference (detach, task destructor); `go` sets it at birth
//   kJoiner    somebody may be linked in `joiners`: the end must go through the lock
// Whoever finds the other's bit set recycles the record.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>

#include "causeway/abi.h"
#include "runtime/base/base.hpp"
#include "runtime/crossing/crossing.hpp"
#include "runtime/sched/stack_lock.hpp"
#include "runtime/sched/wait.hpp"
#include "runtime/stack/stack.hpp"

namespace causeway::sched {

struct M;
struct P;

// The two words of the C++ runtime's per-thread exception state (Itanium C++ ABI, 2.2.2): they travel with the G.
struct EhGlobals {
  void* caught = nullptr;
  uint64_t uncaught = 0;  // an unsigned int and padding
};

// Not 0: an exception is handled or on its way.
CW_ALWAYS_INLINE uintptr_t in_flight(const EhGlobals& eh) noexcept { return reinterpret_cast<uintptr_t>(eh.caught) | eh.uncaught; }

enum class GState : uint8_t {
  Free,      // in a free list
  Runnable,  // in a queue
  Running,   // current of one M
  Parked,    // in some object's queue or asleep
  Dead,      // ended; the record is held by a task or handle
};

// A wait of a green thread below a call out of another, in that one's list (park_in_place).
struct NestedWait {
  base::Link link;
  Parker* who = nullptr;
};

struct alignas(64) G {
  static constexpr uint32_t kDone = 1, kReleased = 2, kJoiner = 4;
  static constexpr size_t kPayload = CW_ABI_PAYLOAD;

  // --- switching: written by whoever runs or resumes it, never by two at once ---
  void* sp = nullptr;    // saved context while it does not run; null: never ran
  base::Relaxed<M*> m;   // the M that runs it, set by the M that resumes it, or that it was moved to
  stack::Stack stack{};  // bound at the first run
  EhGlobals eh;
  G* next = nullptr;  // free list, injection list, global queue
  stack::StackClass stack_class = stack::StackClass::k64K;
  std::atomic<GState> state{GState::Free};  // relaxed everywhere: read by reports only, decides nothing
  bool detached = false;                    // kReleased from birth: nobody can hold a reference
  bool is_system = false;                   // an M's own context, not a green thread
  StackLock stack_lock;
  // --- waiting ---
  alignas(64) Parker parker;
  TimerNode timer;
  P* timer_home = nullptr;                      // whose wheel may hold `timer`; null: not armed in this wait
  uint64_t timer_ticket = 0;                    // the wait that the timer ends
  std::atomic<const char*> waits_for{nullptr};  // constant text, for reports; relaxed everywhere
  std::atomic<const void*> waits_at{nullptr};   // the object of a wait, for reports (WaitOptions::object); relaxed everywhere
  // A call in below a call out: whose, and how deep. outer is a hint once outer->id is no longer outer_id.
  base::Relaxed<G*> outer;
  base::Relaxed<uint64_t> outer_id;
  base::Relaxed<uint32_t> depth;        // calls in, of one inside the other
  base::Relaxed<uint64_t> waits_since;  // by Scheduler::coarse_ns, for reports; while waits_for is set
  // --- identity and life, and what a call in touches of the G that runs it: this line, and `m` ---
  alignas(64) base::Relaxed<uint64_t> id;
  std::atomic<uint32_t> life{0};
  std::atomic<uint32_t> generation{0};  // of the record; odd while in use
  const cw_abi_task_ops* ops = nullptr;
  int32_t outcome = 0;  // of the body, published by kDone
  std::atomic<uint32_t> stop_requested{0};
  G* next_ready = nullptr;  // in M::call_greens
  crossing::Inbound in;     // record.hpp; its first words are the ones of each call
  M* locked_m = nullptr;    // thread affinity
  M* came_from = nullptr;   // migrate=always: where its user code ran last; compared only
  uint32_t lock_depth = 0;
  uint32_t index = 0;  // in the arena; constant
  // --- rarely there ---
  std::atomic<void*> stop_state{nullptr};
  std::atomic<const cw_abi_stop_ops*> stop_ops{nullptr};
  char* name = nullptr;          // own copy, or null; others read it under join_lock (append_identity)
  char* last_error = nullptr;    // made at the first failing call
  uint16_t stop_users = 0;       // calls of stop_ops->request under way; guarded by join_lock
  bool stop_told = false;        // stop_ops->request was called or is being called; guarded by join_lock
  bool stop_state_dead = false;  // the record ended meanwhile: the last such call destroys the state
  base::Lock join_lock{base::LockRank::Task};
  base::IntrusiveList<Waiter, &Waiter::link> joiners;
#if CW_TSAN
  void* tsan_fiber = nullptr;
#endif
#if CW_ASAN
  void* asan_fake_stack = nullptr;
#endif
  // Who spawned it; for reports. 0: not known. Constant from its birth to its end, as spawned_at.
  base::Relaxed<uint64_t> spawned_by;
  // --- crossings: record.hpp ---
  alignas(64) crossing::Outbound out;
  // Waits of green threads that came in below this one, which a request to stop this one ends too; guarded by the lock of
  // in_place.cc.
  base::IntrusiveList<NestedWait, &NestedWait::link> nested_waits;
  // --- first the closure, later the result ---
  alignas(16) std::byte payload[kPayload];
  std::exception_ptr tunnelled;         // INV-CR3
  base::Relaxed<uintptr_t> spawned_at;  // where the call that spawned it returns
};

// What each green thread costs beside its stack: a parked one has this, so a word that does not fit into a hole costs 64 MB for a million of them.
#if !CW_ASAN && !CW_TSAN
static_assert(sizeof(G) <= 512);
#endif
// A call in touches one line of it, and G::m.
static_assert(offsetof(G, in) + offsetof(crossing::Inbound, found) <= offsetof(G, id) + 64);

// Begun, and not over. A green thread of an M's list for calls in, which nobody runs, is Running without an id. For reports.
// A hint while g runs on: what was read may be of a moment ago.
[[gnu::no_sanitize_thread]] inline bool in_progress(const G* g) noexcept {
  const GState state = g->state.load(std::memory_order_relaxed);
  return state != GState::Free && state != GState::Dead && !(g->in.active && g->id.racy() == 0);
}

// Below whose call out g came in, if that one is not over; else null.
inline G* outer_of(const G* g) noexcept {
  G* outer = g->outer;
  return outer != nullptr && outer->id == g->outer_id ? outer : nullptr;
}

// Whose call out an anchor names. Needs: not 0 and not kIdleAnchor
inline G* green_of(uintptr_t anchor) noexcept { return reinterpret_cast<G*>(anchor - offsetof(G, out)); }

}  // namespace causeway::sched
