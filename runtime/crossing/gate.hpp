// SPDX-License-Identifier: MIT
//
// The gate of one M: how it leaves managed code and comes back with one store and one load, and how others ask
// something of it meanwhile.
//
// Words. `anchor` (owner writes): 0 while the M runs managed or runtime code, else "in C", a pointer that means
// something to walkers. `where` (owner writes): in user code, in the runtime (it may touch its P), in its loop, or halted.
// `poll` (others set bits): any bit sends the owner into the slow path. The M is *outside* for a retake when anchor != 0, for a
// detach (of the P of a green thread that hogs it) when it is in user code, for a stop of the world when anchor != 0, or in its loop, or halted.
//
//   owner, a call out          owner, a runtime call      retaker (one per bit: the one whose request() set it)
//     anchor = frame             where = kRuntime           request(kRetake or kDetach), for all candidates
//     ... C ...                  light                      heavy, once for all
//     anchor = 0                 poll != 0: slow path       for each, under the M's lock: try_take();
//     light                      ... P ...                     true: the P is the retaker's; m.p = null
//     poll != 0: slow path       where = kUser
//
//   INV-GATE1  The P is touched by the owner that came in and saw poll 0, by the owner that left the slow path
//              with success, or by the retaker whose try_take() said true. Never by two of them.
//   INV-GATE2  kRetake and kDetach are cleared only by the retaker that set them. (An owner that cleared kRetake
//              could leave and come back on a poll of 0 while the retaker takes the P.)
//   INV-GATE3  kStop is set and cleared only by who stops the world; while it is set and that one has seen the M
//              outside, the M does not come in: it neither runs managed code nor changes a green thread's stack or context.
//   INV-GATE4  kNoP is set exactly while the M has no P; it changes under the M's lock.
//
// In the product light is folded into the look at poll: in fence mode kFence is always set there, and on the way that any bit leads to is the
// fence, then the look that counts.
//
// Why it holds: a retaker reads "outside" after heavy. Had the owner's poll load run before heavy, its store of "inside" would have been
// visible, and the retaker would have read it, or a later "outside", for which the same holds. In fence mode light is a full fence.
//
// Not chosen: a compare-exchange at both ends (10 ns a crossing); mprotect for membarrier (no interrupt on aarch64, nor on recent AMD).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::crossing {

// Bits of poll, and who may clear each.
namespace poll {
inline constexpr uint32_t kRetake = 1;  // P wanted, the M may be in C            its retaker
inline constexpr uint32_t kDetach = 2;  // P wanted, the M may be in user code    its retaker
inline constexpr uint32_t kStop = 4;    // the world stops                        who stopped it
inline constexpr uint32_t kNoP = 8;     // the M has no P                         who gives it one, under its lock
inline constexpr uint32_t kSlow = 16;   // hooks, tracing, fork: look around      who set it
inline constexpr uint32_t kFence = 32;  // fence mode: as long as it lasts         who made the M, or admits it
}  // namespace poll

// Values of `where`.
enum class Where : uint32_t {
  User,     // managed code
  Runtime,  // code of ours, on whichever stack
  Loop,     // the loop of an M, between two green threads: it changes queues, and no green thread
  Halted,   // a stop of the world: in a signal handler, or in a call into the runtime
};

// Faults that the interleaving checker plants; the product takes none, and the branches vanish.
struct GateFaults {
  static constexpr bool kOwnerClearsRetake = false;
  static constexpr bool kPollBeforeStore = false;
  static constexpr bool kOwnerClearsStop = false;
  static constexpr bool kRetakerClearsStop = false;  // the retaker overwrites poll instead of its own bits
};

// What the slow path needs of its M; all on the owner's thread.
template <class H>
concept GateHost = requires(H host) {
  host.lock();  // the M's lock: guards m.p and kNoP
  host.unlock();
  host.wait_stopped();  // returns when kStop is gone; the M is outside, the lock free
  host.obtain_p();      // gets a P, perhaps after a sleep, and calls attach_p() under the lock; may do nothing
};

// The product's environment: Env::light() is folded into the look at poll.
template <class Env>
inline constexpr bool FencePolled = requires { typename Env::FencePolled; };

// The two ways to be outside: a C call that has this anchor, or user code of a green thread.
struct InC {
  uintptr_t anchor;
};
struct InUserCode {};

template <class Env = base::RealAtomics, class Faults = GateFaults>
class Gate {
 public:
  Gate() noexcept = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // --- owner: the M's own thread -------------------------------------------------------------------------
  // Into C: `anchor` is not 0, everything that it points to is written before.
  void leave(uintptr_t anchor) noexcept;
  // A foreign thread's M, new: it has no P and needs none, and is in C. Before others see it.
  void start_in_c(uintptr_t anchor) noexcept {
    anchor_.store(anchor, std::memory_order_relaxed);
    where_.store(static_cast<uint32_t>(Where::User), std::memory_order_relaxed);
    poll_.store(poll::kSlow, std::memory_order_relaxed);
  }
  // Back from C. True: nobody wants anything. False: come_back_slow() before anything else.
  [[nodiscard]] bool come_back() noexcept;
  // The same for who goes outside again unless it is 0: also if it is kFence alone, which come_back() would look at closely.
  [[nodiscard]] uint32_t come_back_or_not() noexcept;
  // From user code of a green thread into the runtime, and back. False: enter_runtime_slow().
  [[nodiscard]] bool enter_runtime() noexcept;
  void exit_runtime() noexcept;
  // Waits while the world is stopped, gets a P if there is none, and comes in. Returns the poll bits that are
  // left for the caller: kSlow, or a kRetake/kDetach whose retaker will find the M inside.
  // Blocks: yes. The M is outside meanwhile.
  template <GateHost H>
  uint32_t come_back_slow(uintptr_t anchor, H& host) noexcept;
  template <GateHost H>
  uint32_t enter_runtime_slow(H& host) noexcept;

  uint32_t poll_bits() const noexcept { return poll_.load(std::memory_order_acquire) & ~poll::kFence; }
  bool fences() const noexcept { return (poll_.load(std::memory_order_relaxed) & poll::kFence) != 0; }  // for tests and reports
  bool in_runtime() const noexcept { return in_runtime_word() != 0; }
  uint32_t in_runtime_word() const noexcept { return where_.load(std::memory_order_relaxed); }

  // A stop of the world finds the M outside, in its loop or halted, from here until back_inside().
  void rest(Where where) noexcept {
    where_.store(static_cast<uint32_t>(where), std::memory_order_release);  // release: what a walker reads; pairs with stopped()
  }
  // False: the world stops, so rest() again and wait. Needs: `where` is Runtime, or User in a signal handler.
  [[nodiscard]] bool back_inside(Where where) noexcept {
    where_.store(static_cast<uint32_t>(where), std::memory_order_relaxed);
    Env::light();
    return (poll_.load(std::memory_order_acquire) & poll::kStop) == 0;
  }

  // --- others ----------------------------------------------------------------------------------------------
  // Sets bits; returns those that were not set before. For kRetake and kDetach only who set it may go on to
  // try_take(): a bit that was there belongs to another retaker. Then Env::heavy(), once for all gates.
  uint32_t request(uint32_t bits) noexcept;
  // After request and heavy, the M's lock held. `bit` is kRetake or kDetach. True: the M was outside, kNoP is set,
  // the P is the caller's, who clears m.p before it unlocks. False: it came back, or has no P. The bit is gone.
  [[nodiscard]] bool try_take(uint32_t bit) noexcept;
  // After request(kStop) and heavy: the anchor; not 0: the M is in C and will not come in before clear(kStop).
  uintptr_t anchor() const noexcept;
  // After request(kStop) and heavy. True: outside, until clear(kStop).
  bool stopped() const noexcept { return anchor() != 0 || where_.load(std::memory_order_acquire) >= static_cast<uint32_t>(Where::Loop); }
  Where where() const noexcept { return static_cast<Where>(where_.load(std::memory_order_acquire)); }
  // The owner's own look at it, in C.
  uintptr_t own_anchor() const noexcept { return anchor_.load(std::memory_order_relaxed); }
  // Takes back kStop or kSlow, by who set it. release: what was done meanwhile is seen by the owner.
  void clear(uint32_t bits) noexcept;
  // The M gets or loses its P other than by a retake; under the M's lock. kNoP follows.
  void attach_p() noexcept { clear(poll::kNoP); }
  void detach_p() noexcept;

 private:
  friend struct GateOffsets;
  void set_outside(InC where) noexcept { leave(where.anchor); }
  void set_outside(InUserCode) noexcept { exit_runtime(); }
  // relaxed: a reader that sees "inside" touches nothing; light or the fence behind it closes the race with poll.
  void set_inside(InC) noexcept { anchor_.store(0, std::memory_order_relaxed); }
  void set_inside(InUserCode) noexcept { where_.store(static_cast<uint32_t>(Where::Runtime), std::memory_order_relaxed); }
  template <class Where>
  uint32_t come_in(Where where) noexcept;  // the poll word as it was found
  uint32_t look_closely(uint32_t bits) noexcept;
  template <class Where, class H>
  uint32_t come_in_slow(Where where, H& host) noexcept;

  // Owner writes, others read.
  typename Env::template atomic<uintptr_t> anchor_{0};
  typename Env::template atomic<uint32_t> where_{static_cast<uint32_t>(Where::Runtime)};
  // Others write by read-modify-write, the owner only reads (attach and detach are under the M's lock).
  typename Env::template atomic<uint32_t> poll_{poll::kNoP};
};

// For debuggers, which read an M from outside.
struct GateOffsets {
  static constexpr size_t kAnchor = offsetof(Gate<>, anchor_);
};

// --- the interface ends here ----------------------------------------------------------------------------------

template <class Env, class Faults>
inline void Gate<Env, Faults>::leave(uintptr_t anchor) noexcept {
  // release: the frame and all that we did to the P; pairs with the acquire in try_take() and anchor().
  anchor_.store(anchor, std::memory_order_release);
}

template <class Env, class Faults>
inline void Gate<Env, Faults>::exit_runtime() noexcept {
  // release: all that we did to the P; pairs with the acquire in try_take().
  where_.store(static_cast<uint32_t>(Where::User), std::memory_order_release);
}

template <class Env, class Faults>
template <class Where>
inline uint32_t Gate<Env, Faults>::come_in(Where where) noexcept {
  if constexpr (Faults::kPollBeforeStore) {
    const uint32_t early = poll_.load(std::memory_order_acquire);
    set_inside(where);
    return early;
  }
  set_inside(where);
  // INV-GATE1: store, then load; pairs with heavy between request() and try_take() or anchor().
  if constexpr (FencePolled<Env>) std::atomic_signal_fence(std::memory_order_seq_cst);
  else Env::light();
  // acquire: what the stopper did to the world; pairs with the release in clear().
  const uint32_t bits = poll_.load(std::memory_order_acquire);
  if constexpr (Faults::kOwnerClearsRetake) {
    if ((bits & poll::kRetake) != 0) poll_.fetch_and(~poll::kRetake, std::memory_order_acq_rel);
  }
  return bits;
}

template <class Env, class Faults>
CW_NOINLINE uint32_t Gate<Env, Faults>::look_closely(uint32_t bits) noexcept {
  if ((bits & poll::kFence) == 0) return bits;
  Env::fence_seq_cst();
  return poll_.load(std::memory_order_acquire) & ~poll::kFence;
}

template <class Env, class Faults>
inline uint32_t Gate<Env, Faults>::come_back_or_not() noexcept {
  const uint32_t bits = come_in(InC{0});
#if CW_TSAN
  return bits != 0 ? look_closely(bits) : 0;  // always in fence mode: else nobody would look at the warm way
#else
  return bits;
#endif
}

template <class Env, class Faults>
inline bool Gate<Env, Faults>::come_back() noexcept {
  const uint32_t bits = come_in(InC{0});
  return bits == 0 || (FencePolled<Env> && look_closely(bits) == 0);
}

template <class Env, class Faults>
inline bool Gate<Env, Faults>::enter_runtime() noexcept {
  const uint32_t bits = come_in(InUserCode{});
  return bits == 0 || (FencePolled<Env> && look_closely(bits) == 0);
}

template <class Env, class Faults>
template <class Where, class H>
uint32_t Gate<Env, Faults>::come_in_slow(Where where, H& host) noexcept {
  for (;;) {
    set_outside(where);  // a stopper may count us again
    if constexpr (Faults::kOwnerClearsStop) poll_.fetch_and(~poll::kStop, std::memory_order_acq_rel);
    // acquire, all three loads: as in come_in().
    if ((poll_.load(std::memory_order_acquire) & poll::kStop) != 0) host.wait_stopped();
    if ((poll_.load(std::memory_order_acquire) & poll::kNoP) != 0) host.obtain_p();
    host.lock();
    if ((poll_.load(std::memory_order_acquire) & poll::kNoP) != 0) {  // not obtained, or lost once more
      host.unlock();
      continue;
    }
    // From here no retaker decides before we unlock; then it finds us inside. Only the stopper takes no lock:
    set_inside(where);
    Env::fence_seq_cst();  // INV-GATE3: our store before our load; pairs with heavy in the stopper
    const uint32_t bits = poll_.load(std::memory_order_acquire);
    host.unlock();
    if ((bits & poll::kStop) == 0) return bits & ~poll::kFence;
  }
}

template <class Env, class Faults>
template <GateHost H>
uint32_t Gate<Env, Faults>::come_back_slow(uintptr_t anchor, H& host) noexcept {
  return come_in_slow(InC{anchor}, host);
}

template <class Env, class Faults>
template <GateHost H>
uint32_t Gate<Env, Faults>::enter_runtime_slow(H& host) noexcept {
  return come_in_slow(InUserCode{}, host);
}

template <class Env, class Faults>
inline uint32_t Gate<Env, Faults>::request(uint32_t bits) noexcept {
  // acq_rel: takes what the last one who cleared the bit did. The race with the owner is closed by heavy.
  return bits & ~poll_.fetch_or(bits, std::memory_order_acq_rel);
}

template <class Env, class Faults>
bool Gate<Env, Faults>::try_take(uint32_t bit) noexcept {
  // acquire: what the owner did to the P before it went outside; pairs with the release in leave()/exit_runtime().
  const bool outside = bit == poll::kRetake ? anchor_.load(std::memory_order_acquire) != 0
                                            : where_.load(std::memory_order_acquire) == static_cast<uint32_t>(Where::User);
  // relaxed: kNoP changes under the lock that we hold.
  const bool has_p = (poll_.load(std::memory_order_relaxed) & poll::kNoP) == 0;
  if (!outside || !has_p) {
    poll_.fetch_and(~bit, std::memory_order_release);  // INV-GATE2: we set it, we clear it
    return false;
  }
  if constexpr (Faults::kRetakerClearsStop) {
    poll_.store(poll::kNoP, std::memory_order_release);
  } else {
    // One operation, so that poll is never 0 in between: our bit goes, kNoP comes. INV-GATE2, INV-GATE4
    // release: pairs with the acquire of the owner that reads kNoP.
    poll_.fetch_xor(bit | poll::kNoP, std::memory_order_release);
  }
  return true;
}

template <class Env, class Faults>
inline uintptr_t Gate<Env, Faults>::anchor() const noexcept {
  // acquire: the frame; pairs with the release in leave().
  return anchor_.load(std::memory_order_acquire);
}

template <class Env, class Faults>
inline void Gate<Env, Faults>::clear(uint32_t bits) noexcept {
  poll_.fetch_and(~bits, std::memory_order_release);  // pairs with the acquire in come_in()
}

template <class Env, class Faults>
inline void Gate<Env, Faults>::detach_p() noexcept {
  poll_.fetch_or(poll::kNoP, std::memory_order_relaxed);  // relaxed: the owner of the lock; the lock publishes
}

}  // namespace causeway::crossing
