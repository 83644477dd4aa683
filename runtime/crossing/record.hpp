// SPDX-License-Identifier: MIT
//
// Crossing records: what a green thread keeps of its call out, and of the call in that it runs. They live in the G, never in host memory, so
// a host may move, copy or drop its stacks as it likes.
//
// The anchor of an M is the address of the Outbound of the innermost call out on its thread; kIdleAnchor on a foreign thread without one.
//
//   INV-CR1  sp and pc are written before the anchor is stored, and stay until the green thread is safely running again. Its stack's bounds
//            are those of its first run until its end. So whoever reads the anchor (acquire) may pair the three.
//   INV-CR2  sp lies inside the bounds.
//   INV-CR3  kThrew is set in sp while an exception of a call in below waits for the end of this call out (G::tunnelled), and only then. Both are
//            touched by the thread that the call out is on, and by nobody else.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/crossing/callee.hpp"
#include "runtime/crossing/float_border.hpp"

namespace causeway::crossing {

inline constexpr uintptr_t kIdleAnchor = 1;  // in C, and no call out below

// A call out. Written by the green thread itself; others read it after the anchor.
struct Outbound {
  // Where the green thread goes on; sp is also the address of the frame record that a walk starts from. sp 0: not in C. relaxed: a call in that
  // comes during the call out is on the same thread, others take it for a hint.
  std::atomic<uintptr_t> sp{0};
  uintptr_t pc = 0;
  base::Relaxed<uintptr_t> c_sp;   // where its C code began, on the C stack; also read by a call in beside one that has just gone elsewhere
  const void* function = nullptr;  // what it calls, for reports

  // In sp, which the end of the call compares in any case.
  static constexpr uintptr_t kThrew = 1;
  static constexpr uintptr_t kSkipped = 2;  // and that its call in is in the list of skipped ones (sched/skipped.hpp)

  bool in_c() const noexcept { return sp.load(std::memory_order_relaxed) != 0; }
  bool threw() const noexcept { return (sp.load(std::memory_order_relaxed) & kThrew) != 0; }
  uintptr_t place() const noexcept { return sp.load(std::memory_order_relaxed) & ~(kThrew | kSkipped); }
};

// A call in. Written by the thread that makes it, but for what a call out that ends on another thread changes, on that thread.
struct Inbound {
  // Why the end of the call in must look closer: somebody set a bit. relaxed: set by the green thread itself, or before it goes on; kWatched
  // by others (callee.hpp).
  static constexpr uint32_t kExtras = 1;        // a text, a stop state or request, a lock on the thread
  static constexpr uint32_t kHostEh = 2;        // the host had an exception in flight: its globals are in host_*
  static constexpr uint32_t kMoved = 4;         // `before` is not what enter() found: resumed() wrote it
  static constexpr uint32_t kFloat = 8;         // always, if float_apart()
  static constexpr uint32_t kPlain = 16;        // inside an entry that managed code called itself, without a call out
  static constexpr uint32_t kEhAway = 32;       // a call out put the green thread's own exception globals into G::eh
  static constexpr uint32_t kWatched = 64;      // somebody waits for the end of this call: INV-CA2
  static constexpr uint32_t kSkipped = 128;     // a longjmp has skipped this call in (sched/skipped.hpp)
  static constexpr uint32_t kThreadEnds = 256;  // a thread's end (pthread_exit, cancellation) came over a call out; nobody can catch that
  static constexpr uint32_t kUnwound = 512;     // another unwinding did; it leaves, or was caught
  std::atomic<uint32_t> rare{float_apart() ? kFloat : 0};
  bool active = false;                   // this green thread runs calls in: it has C frames below it. Constant while it does
  void* high = nullptr;                  // where the pivot to this green thread's stack begins. Constant while active
  std::atomic<Callee*> callee{nullptr};  // the callback that it runs, or null: INV-CA1
  uintptr_t found = kIdleAnchor;         // the anchor that it found, if there is no G::outer to tell
  uintptr_t before = 0;                  // the anchor that is put back, if kMoved
  void* host_caught = nullptr;           // the host's C++ exception globals
  uint64_t host_uncaught = 0;

  bool is(uint32_t bit) const noexcept { return (rare.load(std::memory_order_relaxed) & bit) != 0; }
  void set(uint32_t bit) noexcept { rare.fetch_or(bit, std::memory_order_relaxed); }
  void clear(uint32_t bit) noexcept { rare.fetch_and(~bit, std::memory_order_relaxed); }
  // The call in is over: nothing of it is left for the next one.
  void clear_for_next() noexcept {
    clear(~kFloat);
#if !CW_TSAN  // there each store of a callee has this order itself, and the tool knows no fences
    // release: before the next store of a callee, which the warm way makes relaxed; pairs with the look at it in sched::callees::watch(). INV-CA5
    std::atomic_thread_fence(std::memory_order_release);
#endif
  }
};

}  // namespace causeway::crossing
