// SPDX-License-Identifier: MIT
//
// The poller as the scheduler sees it: a hook slot that runtime/io fills at the first wait for a descriptor, and that is empty again when the
// runtime has stopped. The scheduler knows when to look for events and who sits in the poller; what an event is, only io knows.
//
//   Who polls          idle.cc: the watcher, one idle M, sleeps in poll() instead of on its futex while anybody waits for a descriptor;
//                      interrupt() wakes it. It has the seat (watch.hpp).
//                      schedule.cc: every M that holds a P looks without waiting, before it goes idle and with every 64th decision.
//                      monitor.cc: looks at each tick when nobody sits in the poller (monitor_poll).
//
//   INV-POLL1  At most one M has the seat. Only its poll() waits, and only its poll() takes an interrupt away.
//   INV-POLL2  A waiter is counted when it is linked, and counted out when it is unlinked, under the object's lock.
//   INV-POLL3  From before its first waiter is counted out until what it let run is queued, or woken, a poll() with events is counted in flight:
//              whoever sees no waiter, then nothing in flight, sees those green threads in a queue, or a P held.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/sched/green.hpp"

namespace causeway::sched {

// Green threads that are to run, linked by next. Claimed, and their contexts saved (INV-PARK1). By its end whoever had it has queued them.
struct ReadyList {
  ReadyList() noexcept = default;
  ~ReadyList();
  ReadyList(const ReadyList&) = delete;
  ReadyList& operator=(const ReadyList&) = delete;

  bool in_flight = false;  // counted: INV-POLL3
  G* first = nullptr;
  G* last = nullptr;
  uint32_t count = 0;

  void add(G* g) noexcept {
    g->next = nullptr;
    if (last != nullptr) last->next = g;
    else first = g;
    last = g;
    ++count;
  }
  void clear() noexcept {
    first = last = nullptr;
    count = 0;
  }
  G* pop() noexcept {
    G* g = first;
    if (g == nullptr) return nullptr;
    first = g->next;
    if (first == nullptr) last = nullptr;
    g->next = nullptr;
    --count;
    return g;
  }
};

// Constant object of runtime/io.
struct PollerOps {
  enum class Seat : uint8_t { Empty, Taken };
  // Takes the events that are there, or waits for some up to timeout_ns (UINT64_MAX: for ever; may return early and empty). Claims their waiters:
  // green threads are added to `ready`, plain threads are woken here. Seat::Taken: the caller has the seat.
  // Needs:  no lock held. Blocks: up to timeout_ns. Stack: system, or the monitor's
  void (*poll)(Seat seat, uint64_t timeout_ns, ReadyList& ready) noexcept;
  // Ends the poll() of whoever has the seat, or the next such one. Signal-safe: yes. Blocks: never
  void (*interrupt)() noexcept;
  // The runtime stops, and no M and no monitor is left: ends the waits of plain threads, closes the descriptors. Needs: lifecycle lock
  void (*stop)() noexcept;
  // In a child of fork(), where the descriptors are copies of the parent's: closes them, and forgets who waited.
  void (*forget)() noexcept;
};

namespace detail {
struct PollerSlot {
  std::atomic<const PollerOps*> ops{nullptr};
  alignas(64) std::atomic<uint32_t> waiters{0};
  std::atomic<uint32_t> in_flight{0};
};
extern PollerSlot poller_slot;
}  // namespace detail

inline ReadyList::~ReadyList() {
  // release: what is queued by now; pairs with events_in_flight().
  if (in_flight) [[unlikely]]
    detail::poller_slot.in_flight.fetch_sub(1, std::memory_order_release);
}

// Fills the slot; the runtime must be up and stay up meanwhile (a green thread, or inside a ForeignCall).
void install_poller(const PollerOps& ops) noexcept;
// Calls stop() and empties the slot. By the lifecycle, when all Ms and the monitor are gone.
void remove_poller() noexcept;
// In a child of fork(): forget(), and nobody waits.
void forget_poller() noexcept;

// Does anybody wait for a descriptor? Then something outside may wake a green thread: no deadlock.
// relaxed: a hint; who sleeps on the answer orders it as idle.cc says.
inline bool poller_has_waiters() noexcept { return detail::poller_slot.waiters.load(std::memory_order_relaxed) != 0; }

// One more waits, and is registered. For a green thread counting is all: its M will look (INV-IDLE4). `plain`: a plain thread, on which no M
// looks later; an M is sent to the post if that is free. May be called under an object's lock.
// Signal-safe: no. Blocks: shortly
enum class PollParty : uint8_t { Green, Plain };
void poller_waiter_added(PollParty party) noexcept;
// release: that a poll() is in flight; pairs with the acquire in no_event_will_come().
inline void poller_waiters_gone(uint32_t n) noexcept { detail::poller_slot.waiters.fetch_sub(n, std::memory_order_release); }
// By a poll() that has events, before it looks at the first one. relaxed: ordered by poller_waiters_gone().
inline void events_found(ReadyList& ready) noexcept {
  ready.in_flight = true;
  detail::poller_slot.in_flight.fetch_add(1, std::memory_order_relaxed);
}
// Nobody waits for a descriptor, and no event that came is on its way to a queue. INV-POLL3
inline bool no_event_will_come() noexcept {
  // acquire, and in this order.
  return detail::poller_slot.waiters.load(std::memory_order_acquire) == 0 &&
         detail::poller_slot.in_flight.load(std::memory_order_acquire) == 0;
}

// The seat's poll().
void poll_and_wait(uint64_t timeout_ns, ReadyList& ready) noexcept;
// Looks for events without waiting, if anybody waits, nobody has the seat, and the last look was some time ago or `when` is Always. Green
// threads that are to run are added to `ready`.
enum class PollWhen : uint8_t { Always, NotTooOften };
void poll_if_wanted(PollWhen when, ReadyList& ready) noexcept;

// The monitor's part, with each of its ticks: looks for events if nobody has the seat, and sends an M to the watcher's post if that is free.
void monitor_poll() noexcept;
// Somebody waits for a descriptor, and no M will look unless the monitor ticks: it must not go to sleep.
bool poller_is_unattended() noexcept;

}  // namespace causeway::sched
