// SPDX-License-Identifier: MIT
//
// StopPoint: how a std::stop_token ends a wait. One lies in the frame of a call that waits with a token (cw_abi_stop_wait in causeway/abi.h);
// a stop callback of that frame calls request(), from any thread, at any time until the frame's callback is taken back.
//
// The wait registers itself when its ticket is open, while it holds the object's lock; the requester needs that same lock after its claim
// (INV-PARK1). As locks the two would be taken in both orders. So the point is one word, changed by exchange, and the requester marks
// itself in it instead of holding anything.
//
//   the waiting side                          the requesting side
//   object locked, ticket opened              REQUESTED, and BUSY if ENTERED is set: one exchange
//   enter(): ENTERED, unless REQUESTED        not ENTERED: done, a later enter() sees REQUESTED
//   ... parked, context saved, unlocked       claim the ticket; won: pass through the object's lock
//   ... made ready by whoever claimed         clear BUSY
//   leave(): clear ENTERED, wait for !BUSY    won: ready()
//
//   INV-SP1  A request that comes before enter() is seen by it, one that comes later sees ENTERED: both are exchanges of one word.
//   INV-SP2  From the exchange that sets BUSY until the one that clears it the party and its ticket stay: leave() waits for that. Nobody
//            touches the party after leave() but who has won its claim, and it does not get as far as leave() before that one's ready().
//   INV-SP3  The requester's last access to the point is the exchange that clears BUSY, before its ready(): so the frame may end, and
//            a party that was woken by the request itself never has to wait in leave().
//   INV-SP4  BUSY lasts some dozen instructions and the object's lock, and never a park: request() must not change its thread.
//
// Not chosen: a lock in the point (above; and a waiter that another one woke would sleep behind a requester that waits for the object's
// lock); a table of points as the address locks (the same, for strangers too); std::stop_callback alone (its destructor waits only
// after our wait has returned, and a plain thread's Parker is gone by then).
#pragma once

#include <atomic>
#include <cstdint>

#include "causeway/abi.h"
#include "runtime/base/base.hpp"
#include "runtime/sched/park_word.hpp"

namespace causeway::sched {

struct Parker;

// Who: has a ClaimWord<Env> `claim` and a pointer `lock` to the object's lock, which is stored before the ticket opens.
template <class Env = base::RealAtomics, class Who = Parker>
class BasicStopPoint {
 public:
  constexpr BasicStopPoint() noexcept = default;
  BasicStopPoint(const BasicStopPoint&) = delete;
  BasicStopPoint& operator=(const BasicStopPoint&) = delete;

  // Registers the open wait. False: a stop was requested; then the party claims its own ticket as Cancelled, and if it loses, somebody else
  // makes it ready and it has to park for that.
  // Needs: the object's lock, the ticket open, no wait registered. Pairs with: leave(), only after true
  [[nodiscard]] bool enter(Who* who, uint64_t ticket) noexcept;

  // Takes the registration back; afterwards no requester knows the party. pause(n): called before the n-th look at a busy point.
  template <class Pause>
  void leave(Pause pause) noexcept;

  // Requests the stop; again is nothing. The party that the caller now owes ready(), or null.
  // Blocks: shortly. Signal-safe: no
  [[nodiscard]] Who* request() noexcept;

 private:
  static constexpr uint32_t kRequested = 1;  // for good
  static constexpr uint32_t kEntered = 2;    // who_ and ticket_ are a wait under way; set and cleared by its party
  static constexpr uint32_t kBusy = 4;       // the requester uses them; set and cleared by it

  typename Env::template atomic<uint32_t> word_{0};
  // Written by the party while neither ENTERED nor BUSY is set, read by the requester while BUSY is. relaxed: word_ orders them.
  typename Env::template atomic<Who*> who_{nullptr};
  typename Env::template atomic<uint64_t> ticket_{0};
};

using StopPoint = BasicStopPoint<>;

// The point in a caller's frame; null for none. All zeroes is a new one.
inline StopPoint* stop_point(cw_abi_stop_wait* wait) noexcept {
  static_assert(sizeof(StopPoint) <= sizeof(cw_abi_stop_wait) && alignof(StopPoint) <= alignof(cw_abi_stop_wait));
  return reinterpret_cast<StopPoint*>(wait);
}

// Requests the stop and wakes the wait that it ends. Any thread that may call the library; must not be a signal handler.
// Blocks: shortly. Returns on the same M: std::stop_callback compares threads.
void request_stop(StopPoint& point) noexcept;
// The waiting side's leave(). Blocks: shortly, and only when a request lost its claim at this very moment.
void leave(StopPoint& point) noexcept;

// --- the interface ends here ----------------------------------------------------------------------------------

template <class Env, class Who>
inline bool BasicStopPoint<Env, Who>::enter(Who* who, uint64_t ticket) noexcept {
  who_.store(who, std::memory_order_relaxed);
  ticket_.store(ticket, std::memory_order_relaxed);
  uint32_t seen = word_.load(std::memory_order_relaxed);  // checked by the exchange
  do {
    if ((seen & kRequested) != 0) {
      // acquire: what the requester did before; pairs with the release in request(). INV-SP1
      static_cast<void>(word_.load(std::memory_order_acquire));
      return false;
    }
    // release: the party and its ticket; pairs with the acquire in request().
  } while (!word_.compare_exchange_weak(seen, seen | kEntered, std::memory_order_release, std::memory_order_relaxed));
  return true;
}

template <class Env, class Who>
template <class Pause>
inline void BasicStopPoint<Env, Who>::leave(Pause pause) noexcept {
  // acquire, here and below: the requester's last look at the party; pairs with the release that clears BUSY. INV-SP2
  uint32_t seen = word_.fetch_and(~kEntered, std::memory_order_acquire);
  for (uint32_t n = 0; (seen & kBusy) != 0; ++n) {
    pause(n);
    seen = word_.load(std::memory_order_acquire);
  }
}

template <class Env, class Who>
Who* BasicStopPoint<Env, Who>::request() noexcept {
  uint32_t seen = word_.load(std::memory_order_relaxed);  // checked by the exchange
  uint32_t next = 0;
  do {
    if ((seen & kRequested) != 0) return nullptr;
    next = seen | kRequested | ((seen & kEntered) != 0 ? kBusy : 0);
    // release: what the caller did before, for enter(); acquire: the party, from enter().
  } while (!word_.compare_exchange_weak(seen, next, std::memory_order_acq_rel, std::memory_order_relaxed));
  if ((next & kBusy) == 0) return nullptr;
  Who* who = who_.load(std::memory_order_relaxed);
  const bool won = who->claim.claim_and_pass(ticket_.load(std::memory_order_relaxed), WaitEnd::Cancelled, *who->lock);
  // release: our looks at the party, for leave(). INV-SP3: the point may be gone from here on; a party that we have claimed is not.
  word_.fetch_and(~kBusy, std::memory_order_release);
  return won ? who : nullptr;
}

}  // namespace causeway::sched
