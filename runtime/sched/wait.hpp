// SPDX-License-Identifier: MIT
//
// Waiting: how a green thread or a plain OS thread sleeps in the queue of an object, and who may end that wait.
//
// One wait has one ticket. The object's wakers (under the object's lock), the timer and a stop request all try to claim the ticket; exactly
// one wins and makes the waiter runnable, the others leave it alone. The story of one wait on a green thread:
//
//   1. WaitScope enters the runtime.                            (user stack)
//   2. The operation takes the object's lock, finds that it must wait, prepares a Waiter and links it.
//   3. park_and_unlock() opens the ticket, arms the timer, looks at the stop flag, enters the stop point and switches away. The next
//      context's first act, when ours is saved, is to release the object's lock. The object's wakers claim under that lock; a timer or a
//      stop request claims without it and passes through it before it calls ready(). So nobody resumes a context that is not saved yet
//      (INV-PARK1).
//                                                               (the next green thread's stack, or the system stack)
//   4. Somebody claims and calls ready(). We run again, maybe on another M, disarm the timer and leave the stop point.
//   5. If the end is not Woken, the operation locks the object again and unlinks its Waiter if it is still linked.
//
//   INV-W1  Exactly one claim succeeds per ticket, and whoever made it calls ready() exactly once.
//   INV-W2  A Waiter is linked and unlinked only under the object's lock; a waker that loses the claim unlinks it all the same.
//
// A plain thread keeps its Parker on its own stack: it may return only after ready() has stored its word, never on the claim alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "runtime/base/base.hpp"
#include "runtime/sched/park_word.hpp"
#include "runtime/sched/poison.hpp"
#include "runtime/sched/stop_point.hpp"
#include "runtime/sched/timer_wheel.hpp"

namespace causeway::sched {

struct G;
struct M;

// One waiting party. For a green thread it is part of its G (never freed while the runtime is up), for a plain thread it is on its stack.
struct Parker {
  ClaimWord<> claim;
  G* g = nullptr;  // null: a plain thread, or a green thread that runs a call in and sleeps in place; constant while a wait is open
  base::Lock* lock = nullptr;      // of the object it waits at; stored before the ticket opens, read by whoever claimed it
  std::atomic<uint32_t> woken{0};  // with g null: set by ready(), slept on
};

struct Waiter {
  base::Link link;
  Parker* who = nullptr;
  uint64_t ticket = 0;
  void* slot = nullptr;  // the object's use: where the item is or goes
  uint32_t tag = 0;      // the object's use
  bool linked = false;   // kept by the object, under its lock

  ~Waiter() { poison::freed(this, sizeof *this); }
};

// What a joiner waits for, without its number.
inline constexpr std::string_view kJoinWait = "the end of green thread";
// What a release waits for; its object is a ReleaseWait.
inline constexpr const char* kReleaseWait = "the release of a handle";
struct ReleaseWait {
  base::Relaxed<uint64_t> holder;  // for reports: the id of a green thread that holds the object, << 1; odd: a thread's
};

struct WaitOptions {
  uint64_t deadline_ns = kNoDeadline;  // from deadline_after()
  bool cancellable = false;            // a stop request to the waiting green thread ends the wait
  const char* what = "waiting";        // constant text for reports: "channel receive"
  StopPoint* stop = nullptr;           // a stop token's point: ends the wait, cancellable or not; outlives it
  const void* object = nullptr;        // what it waits at, for reports; a joiner's is the other G
};

// Now, on the clock that deadlines are on: the monotonic clock, or the virtual one of a test.
uint64_t now_ns() noexcept;

// The deadline of a timeout given as a duration; CW_FOREVER (all ones) and what overflows mean none. On the clock that the caller's waits
// use: a green thread's is the scheduler's, a plain thread's always the real one.
uint64_t deadline_after(uint64_t timeout_ns) noexcept;

// One blocking operation. Made first thing in a public call, ended last; enters and leaves the runtime state (see crossing/gate.hpp).
//
// Stack:       user (green thread) or host (plain thread)
// Signal-safe: only as far as async() says; see there
class WaitScope {
 public:
  // For an operation that may be called by a signal handler and never waits: if the runtime cannot be entered at once (its P was taken, or
  // the handler interrupted the runtime) the scope is async().
  enum class Kind { MayWait, NeverWaits };
  explicit WaitScope(Kind kind = Kind::MayWait) noexcept;
  ~WaitScope();
  WaitScope(const WaitScope&) = delete;
  WaitScope& operator=(const WaitScope&) = delete;

  bool on_green() const noexcept { return g_ != nullptr; }
  G* green() const noexcept { return g_; }
  // True when this call interrupted the runtime on the same thread, which only a signal handler can do (or, NeverWaits, could not enter):
  // it must not wait or take a lock that the interrupted code may hold. ready() takes the signal-safe way.
  bool async() const noexcept { return async_; }
  // What a caller whose scope is async() answers: CW_E_ASYNC, or CW_E_FORKED on a green thread of a forked child's parent.
  cw_status refusal() const noexcept;

  // Starts a new ticket for `waiter`. Several waiters may share it (prepare the first, then same_ticket() for the others).
  void prepare(Waiter& waiter, const WaitOptions& options) noexcept;
  void same_ticket(Waiter& waiter, const Waiter& first) const noexcept {
    waiter.who = first.who;
    waiter.ticket = first.ticket;
  }

  // 32 random bits: of the M, or of the plain thread. Cheap, and good enough to choose fairly; nothing secret may depend on them.
  // Signal-safe: no (not while async())
  uint64_t random() noexcept;

  // Is it worth to spin shortly for what another thread is about to do? Not with one processor, and not where another green thread could use
  // the time: then who is waited for may be that one.
  // Needs: not async()
  bool may_spin() const noexcept;

  // Waits for time or a stop request alone.
  [[nodiscard]] WaitEnd sleep(const WaitOptions& options) noexcept;

  // Needs:   `lock` held, the waiter linked. The lock is free when this returns.
  // Blocks:  until the ticket is claimed; may return on another M
  [[nodiscard]] WaitEnd park_and_unlock(base::Lock& lock) noexcept { return park_and_unlock(lock, AfterUnlock{}); }

  // The same, and then `after` on the landing site: for objects that have to look again once their lock is free. It may claim and make ready,
  // also the party that parks here, whose context is saved by then. It must not wait, allocate or throw.
  struct AfterUnlock {
    void (*run)(void* object) noexcept = nullptr;
    void* object = nullptr;
  };
  [[nodiscard]] WaitEnd park_and_unlock(base::Lock& lock, AfterUnlock after) noexcept;

 private:
  WaitEnd park_green(base::Lock& lock, AfterUnlock after) noexcept;
  WaitEnd park_thread(base::Lock& lock, AfterUnlock after) noexcept;
  WaitEnd park_in_place(base::Lock& lock, AfterUnlock after) noexcept;
  void sleep_thread(Parker& parker, uint64_t ticket) noexcept;

  M* m_;
  G* g_;
  bool async_ = false;
  // Written by prepare() alone: most calls end without a wait, and stores of theirs would stand in the way of the lock's exchange, which
  // waits until all stores before it have drained (10 of 30 ns of a send into a buffer).
  bool cancellable_;
  uint64_t deadline_ns_;
  const char* what_;
  const void* object_;
  StopPoint* stop_;
  uint64_t ticket_;
  // Plain threads only; made by the constructor there.
  uintptr_t note_before_;
  union {
    Parker own_;
  };
};

// Needs:   the object's lock, the waiter unlinked by the caller
// True once per ticket; the caller then owes ready(waiter.who), normally after it has unlocked (copy `who` out first).
inline bool claim(Waiter& waiter) noexcept { return waiter.who->claim.claim(waiter.ticket, WaitEnd::Woken); }

// Makes the claimed party run: a green thread becomes this P's next one, a plain thread is woken.
// Signal-safe: yes. Blocks: never.
void ready(Parker* who) noexcept;

}  // namespace causeway::sched
