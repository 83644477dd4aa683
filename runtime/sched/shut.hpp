// SPDX-License-Identifier: MIT
//
// How a stop shuts the Ms of foreign threads and learns that nobody is inside, and what a call in and one that a host moves do about it.
//
//   call in, on its own M                        stopper
//     anchor = 0, light; poll != 0: admit()        phase = Stopping
//     calls_in + 1                                 shut_gates(): kSlow everywhere, under the table's lock; heavy
//     ... calls out, which a host may move ...     count_inside(): what has gone on all Ms, the anchors, what has come on all Ms
//     calls_ended + 1                              0: releases what calls use
//     anchor = what it found
//
//   INV-SH1  In one look at all Ms what has gone is read before what has come, on all Ms; and a call that is moved is counted at its new M
//            before it is taken off its old one. So a look may count a call twice, and never not at all.
//   INV-SH2  An anchor is read before what has come on its M. A call that is in and not yet counted is seen by the one, or else by the
//            other: it counts before it leaves for C.
//   INV-SH3  What a call that was moved left in the anchor of its old M is not looked at after its runtime has ended: only inside, and whoever
//            opens the gate for a later runtime drops it.
//   Where the gate's and the table's invariants come in: foreign.hpp, INV-FM2.
//
// Templates, so that tests/cpp/interleave runs them: M has a gate, the four counters, and `foreign`.
#pragma once

#include <atomic>
#include <cstdint>

#include "causeway/causeway.h"
#include "runtime/base/base.hpp"
#include "runtime/crossing/crossing.hpp"

namespace causeway::sched {

// Faults that the interleaving checker plants; the product takes none.
struct ShutFaults {
  static constexpr bool kAnchorsLast = false;     // INV-SH2
  static constexpr bool kEachByItself = false;    // INV-SH1: one M after the other
  static constexpr bool kGoneFirst = false;       // INV-SH1: a moved call is taken off its old M first
  static constexpr bool kAdmitUnlocked = false;   // INV-FM2
  static constexpr bool kKeepsAnchor = false;     // INV-SH3
  static constexpr bool kAdmitsOnlyOnce = false;  // what came after the admission is not looked at
};

// Calls that are over here: those that ended, and those that went on elsewhere.
template <class M>
inline uint64_t calls_gone(const M& m) noexcept {
  // acquire: those that have ended are over; pairs with the release in bridge/inbound and in take_over().
  return m.calls_ended.load(std::memory_order_acquire) + m.left_for_another.load(std::memory_order_acquire);
}

// Calls that began here or came from elsewhere. Never fewer than have gone, if it is read after that. relaxed: ordered by that.
template <class M>
inline uint64_t calls_come(const M& m) noexcept {
  return m.calls_in.load(std::memory_order_relaxed) + m.taken_over.load(std::memory_order_relaxed);
}

// Moves a call in progress to the calling thread's M.
template <class Faults = ShutFaults, class M>
inline void take_over(M& from, M& here) noexcept {
  if constexpr (Faults::kGoneFirst) from.left_for_another.fetch_add(1, std::memory_order_release);
  here.taken_over.store(here.taken_over.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // relaxed: the owner alone adds
  // release: that it is counted here, INV-SH1, and what this green thread did over there; pairs with the acquire in calls_gone().
  if constexpr (!Faults::kGoneFirst) from.left_for_another.fetch_add(1, std::memory_order_release);
}

// Calls in that are in progress or, on foreign Ms, on their way in, some of them twice. for_each(visit): visit(const M&) for each M.
// 0, and the Ms were shut before: nobody is inside, and what they did is seen.
template <class Faults = ShutFaults, class ForEach>
inline uint64_t count_inside(ForEach for_each) noexcept {
  uint64_t n = 0;
  const auto anchor = [&n](const auto& m) {
    if (m.foreign && m.gate.anchor() == 0) ++n;
  };
  const auto gone = [&n](const auto& m) { n -= calls_gone(m); };
  const auto come = [&n](const auto& m) { n += calls_come(m); };
  if constexpr (Faults::kEachByItself) {
    for_each([&](const auto& m) {
      gone(m);
      anchor(m);
      come(m);
    });
    return n;
  }
  for_each(gone);
  if constexpr (!Faults::kAnchorsLast) for_each(anchor);
  for_each(come);
  if constexpr (Faults::kAnchorsLast) for_each(anchor);
  return n;
}

// Nobody comes in from here on. After the phase has changed.
template <class Env, class Lock, class ForEach>
inline void shut_gates(Lock& lock, ForEach for_each) noexcept {
  lock.lock();
  for_each([](auto& m) { m.gate.request(crossing::poll::kSlow); });
  lock.unlock();
  Env::heavy();
}

// Opens the gate if a runtime runs. phase(): acquire. By the owner, outside. Returns the phase that it saw.
template <class Faults = ShutFaults, class M, class Lock, class PhaseNow>
inline auto open_gate(M& m, Lock& lock, PhaseNow phase) noexcept {
  if constexpr (!Faults::kAdmitUnlocked) lock.lock();
  const auto now = phase();  // under the lock: INV-FM2
  if (now == decltype(now)::Running) {
    const uint64_t gone = calls_gone(m);
    // Not in a call in of this runtime: an anchor is of an earlier one. INV-SH3
    if (calls_come(m) == gone && !Faults::kKeepsAnchor) m.gate.leave(crossing::kIdleAnchor);
    m.gate.clear(crossing::poll::kSlow);
  }
  if constexpr (!Faults::kAdmitUnlocked) lock.unlock();
  return now;
}

// After come_back() said that something is wanted of a foreign M: comes in, or is refused and in C as before. admit(): a status, and opens
// the gate. `before`: the anchor that it found, and that is put back.
template <class Faults = ShutFaults, class M, class Admit>
inline cw_status come_in(M& m, uintptr_t& before, Admit admit) noexcept {
  for (;;) {
    m.gate.leave(before);
    if (const cw_status status = admit(); status != CW_OK) return status;
    before = m.gate.own_anchor();
    if (m.gate.come_back() || Faults::kAdmitsOnlyOnce) return CW_OK;
  }
}

}  // namespace causeway::sched
