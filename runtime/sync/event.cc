// SPDX-License-Identifier: MIT
#include "runtime/sync/event.hpp"

#include <atomic>

#include "arch/arch.hpp"
#include "runtime/os/os.hpp"
#include "runtime/sync/wait_queue.hpp"

namespace causeway::sync {

namespace {

constexpr uint32_t kSet = 1;
constexpr uint32_t kWaiters = 2;
constexpr uint32_t kLocked = 4;
constexpr uint32_t kReset = 8;
constexpr uint32_t kClosed = 16;
constexpr uint32_t kPendingOne = 1u << 8;
constexpr uint32_t kPendingMask = ~uint32_t{0} << 8;

constexpr uint32_t kSpins = 100;     // the holder runs some dozen instructions, and maybe one switch
constexpr uint64_t kNapNs = 50'000;  // it was preempted

using Word = std::atomic_ref<uint32_t>;
static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t) && alignof(std::atomic<uint32_t>) == alignof(uint32_t));

// A count that does not overflow into nothing: 2^24 sets at one moment are as good as 2^24 - 1.
uint32_t add_pending(uint32_t word) noexcept { return (word & kPendingMask) == kPendingMask ? word : word + kPendingOne; }

// One more try to get at the queue's lock, after `spin` that found it held.
void pause(cw_abi_event& event, uint32_t seen, uint32_t spin) noexcept {
  if (spin < kSpins) {
    arch::relax();
    return;
  }
  // Nobody wakes us: the lock is held so shortly that this nap is for the rare case of a preempted holder. A std::atomic<uint32_t> is a
  // uint32_t (asserted above), and the futex looks at the word's value only.
  os::futex_wait(reinterpret_cast<const std::atomic<uint32_t>&>(event.word), seen, kNapNs);
}

enum class Locked : uint8_t { Queue, WasSet, WasClosed };

// Locks the queue, unless the flag is set: then takes it away (auto-reset) or leaves it; or the event is closed.
// Blocks: shortly. Signal-safe: no
Locked lock_unless_set(cw_abi_event& event) noexcept {
  Word word(event.word);
  const bool manual = (event.flags & CW_ABI_EVENT_MANUAL) != 0;
  for (uint32_t spin = 0;; ++spin) {
    uint32_t seen = word.load(std::memory_order_relaxed);  // checked by the exchange
    if ((seen & kLocked) != 0) {
      pause(event, seen, spin);
      continue;
    }
    if ((seen & kClosed) != 0) return Locked::WasClosed;
    const bool set = (seen & kSet) != 0;
    const uint32_t next = !set ? seen | kLocked : manual ? seen : seen & ~kSet;
    // acquire: what the setter did, or what the last holder did to the queue; pairs with the releases below.
    if (word.compare_exchange_strong(seen, next, std::memory_order_acquire, std::memory_order_relaxed))
      return set ? Locked::WasSet : Locked::Queue;
  }
}

// Locks the queue.
// Blocks: shortly. Signal-safe: no
void lock_queue(cw_abi_event& event) noexcept {
  Word word(event.word);
  for (uint32_t spin = 0;; ++spin) {
    uint32_t seen = word.load(std::memory_order_relaxed);  // checked by the exchange
    if ((seen & kLocked) != 0) pause(event, seen, spin);
    // acquire: as in lock_unless_set().
    else if (word.compare_exchange_strong(seen, seen | kLocked, std::memory_order_acquire, std::memory_order_relaxed)) return;
  }
}

// Unlocks, and serves the sets that came meanwhile. Runs at landing sites: no wait, no allocation.
void unlock_and_serve(void* object) noexcept {  // INV-EV1 ends here
  auto& event = *static_cast<cw_abi_event*>(object);
  Word word(event.word);
  const bool manual = (event.flags & CW_ABI_EVENT_MANUAL) != 0;
  WaitQueue queue(event.waiters);
  WokenList woken;
  uint32_t served = 0;
  uint32_t seen = word.load(std::memory_order_relaxed);  // checked by the exchange
  for (;;) {
    const uint32_t sets = (seen & kPendingMask) / kPendingOne;
    while (!queue.empty() && (manual ? sets != 0 : served < sets)) {
      if (Waiter* waiter = queue.pop_claimed()) {
        waiter->tag = CW_OK;
        woken.add(*waiter);
        ++served;
      }
    }
    uint32_t next = seen & kSet;
    if (manual ? sets != 0 : served < sets) next = kSet;
    if ((seen & kReset) != 0) next = 0;
    if (!queue.empty()) next |= kWaiters;
    next |= seen & kClosed;
    // INV-EV2, INV-EV3. release: the queue, and what the setters did; acquire: what setters did that counted themselves in.
    if (word.compare_exchange_strong(seen, next, std::memory_order_acq_rel, std::memory_order_acquire)) break;
  }
  woken.ready_all();
}

// The part of set() that needs nothing: nobody waits, or somebody else serves. False: there are waiters to serve.
bool set_lightly(Word word) noexcept {
  uint32_t seen = word.load(std::memory_order_relaxed);  // checked by the exchange
  for (;;) {
    uint32_t next;
    if ((seen & kLocked) != 0) next = add_pending(seen) & ~kReset;
    else if ((seen & kWaiters) == 0) next = seen | kSet;
    else return false;
    // release, also when nothing changes: what the setter did; pairs with the acquire of who takes or serves it. INV-EV3
    if (word.compare_exchange_weak(seen, next, std::memory_order_release, std::memory_order_relaxed)) return true;
  }
}

}  // namespace

void event_set(cw_abi_event& event) noexcept {
  Word word(event.word);
  if (set_lightly(word)) return;
  // To make somebody ready we must be inside the runtime, and be there before the word is locked: entering may take its time.
  sched::WaitScope scope(sched::WaitScope::Kind::NeverWaits);
  while (!set_lightly(word)) {
    uint32_t seen = word.load(std::memory_order_relaxed);  // checked by the exchange
    if ((seen & (kLocked | kWaiters)) != kWaiters) continue;
    // acquire: the queue; release: what the setter did. Nobody counted himself in while it was free, so we are the first pending one.
    if (word.compare_exchange_strong(seen, add_pending(seen | kLocked), std::memory_order_acq_rel, std::memory_order_relaxed)) {
      unlock_and_serve(&event);
      return;
    }
  }
}

void event_reset(cw_abi_event& event) noexcept {
  Word word(event.word);
  uint32_t seen = word.load(std::memory_order_relaxed);  // checked by the exchange
  // acquire: what the setters did whose sets are taken back here.
  while (!word.compare_exchange_weak(seen, (seen & kLocked) != 0 ? seen | kReset : seen & ~kSet, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {}
}

cw_status event_wait(cw_abi_event& event, uint64_t timeout_ns, sched::StopPoint* stop, const char* what, const void* object) noexcept {
  Word word(event.word);
  uint32_t seen = word.load(std::memory_order_acquire);  // acquire: what the setter did; pairs with the release in set_lightly()
  if ((seen & (kSet | kLocked)) == kSet) {
    if ((event.flags & CW_ABI_EVENT_MANUAL) != 0) return CW_OK;
    if (word.compare_exchange_strong(seen, seen & ~kSet, std::memory_order_acquire, std::memory_order_relaxed)) return CW_OK;
  }
  if (timeout_ns == 0 && (seen & (kSet | kLocked)) == 0) return CW_E_TIMEOUT;
  sched::WaitScope scope;
  if (scope.async()) [[unlikely]]
    return scope.refusal();
  const uint64_t deadline_ns = timeout_ns == CW_FOREVER ? sched::kNoDeadline : sched::deadline_after(timeout_ns);
  switch (lock_unless_set(event)) {
    case Locked::WasSet: return CW_OK;
    case Locked::WasClosed: return CW_E_CLOSED;
    case Locked::Queue: break;
  }
  if (timeout_ns == 0) {
    unlock_and_serve(&event);
    return CW_E_TIMEOUT;
  }
  Waiter waiter;
  scope.prepare(waiter, {.deadline_ns = deadline_ns,
                         .cancellable = true,
                         .what = what != nullptr ? what : "event",
                         .stop = stop,
                         .object = what != nullptr ? object : &event});
  WaitQueue(event.waiters).push_back(waiter);
  base::Lock saved(base::LockRank::Object);  // free when our context is saved; timers pass through it
  saved.lock();
  const sched::WaitEnd end = scope.park_and_unlock(saved, {&unlock_and_serve, &event});
  if (end == sched::WaitEnd::Woken) return static_cast<cw_status>(waiter.tag);
  lock_queue(event);
  if (waiter.linked) WaitQueue(event.waiters).remove(waiter);
  unlock_and_serve(&event);
  return end == sched::WaitEnd::TimedOut ? CW_E_TIMEOUT : CW_E_CANCELLED;
}

void event_close(cw_abi_event& event) noexcept {
  sched::WaitScope scope;
  WokenList woken;
  lock_queue(event);
  // relaxed: the unlocking exchange publishes it.
  Word(event.word).fetch_or(kClosed, std::memory_order_relaxed);
  while (Waiter* waiter = WaitQueue(event.waiters).pop_claimed()) {
    waiter->tag = CW_E_CLOSED;
    woken.add(*waiter);
  }
  unlock_and_serve(&event);
  woken.ready_all();
}

size_t event_waiting(cw_abi_event& event) noexcept {
  sched::WaitScope scope;
  lock_queue(event);
  const size_t n = WaitQueue(event.waiters).size();
  unlock_and_serve(&event);
  return n;
}

}  // namespace causeway::sync
