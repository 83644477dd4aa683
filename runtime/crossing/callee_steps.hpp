// SPDX-License-Identifier: MIT
//
// The steps of callee.hpp's protocol, one function each, over whatever atomics the records have: the product's, or those of the interleaving
// checker, which runs these functions in every order (tests/cpp/interleave/close_test.cc).
//
// In: Inbound (`callee`, `rare`). State: the word Callee::state.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/crossing/callee.hpp"
#include "runtime/crossing/record.hpp"

namespace causeway::crossing {

// Faults that the interleaving checker plants; the product takes none.
struct CalleeFaults {
  static constexpr bool kStateFirst = false;  // INV-CA1: state is read before the callee is published
  static constexpr bool kRareFirst = false;   // INV-CA2: `rare` is read before the callee is taken back
};

// --- a call in, of a callback whose state says `type` while it is open -----------------------------------------

// INV-CA4: says that there was a first call. False: closed, or another callback by now.
template <class State>
CW_ALWAYS_INLINE bool announce_call(State& state, uintptr_t type) noexcept {
  uintptr_t seen = type | Callee::kFresh;
  // acquire: the callback; pairs with the release of who made it.
  state.compare_exchange_strong(seen, type, std::memory_order_acq_rel, std::memory_order_acquire);
  return (seen & ~Callee::kFresh) == type;
}

// The call is in the callee from here on, and runs it if this is true. Without a fence: for the warm way, which nobody takes in fence mode.
template <class Faults = CalleeFaults, class In, class Record>
CW_ALWAYS_INLINE bool begin_callee_warm(In& in, Record* callee, uintptr_t type) noexcept {
  if constexpr (Faults::kStateFirst) {
    const bool open = callee->state.load(std::memory_order_acquire) == type;
    in.callee.store(callee, std::memory_order_relaxed);
    return open;
  }
  // relaxed: it publishes nothing, and heavy on the other side orders it before the load. Who finds it instead of the null before it has acquired what
  // that null released: hardware goes on with a release sequence over the same thread's next store to the word, as C++ did before C++20. (A release
  // here would have AArch64 drain its stores before the load of the state.)
  in.callee.store(callee, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  // acquire: the callback; pairs with the release of who made it.
  return callee->state.load(std::memory_order_acquire) == type;
}

// The same in every mode.
template <class Env, class In, class Record>
CW_ALWAYS_INLINE bool begin_callee(In& in, Record* callee, uintptr_t type) noexcept {
  return Env::store_then_load(in.callee, callee, callee->state) == type;
}

// The call has returned, on the warm way. Before the look at `rare`: INV-CA2.
template <class In>
CW_ALWAYS_INLINE void end_callee_warm(In& in) noexcept {
  in.callee.store(nullptr, std::memory_order_release);  // release: what the callback did, for who ends it
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

// The same in every mode; a call of no callback is left alone. True: somebody waits.
template <class Env, class In>
CW_ALWAYS_INLINE bool end_callee(In& in) noexcept {
  using Pointer = decltype(in.callee.load(std::memory_order_relaxed));
  if (in.callee.load(std::memory_order_relaxed) == nullptr) return false;
  // INV-CA2; release: what the callback did, for who ends it.
  return (Env::store_then_load(in.callee, static_cast<Pointer>(nullptr), in.rare) & Inbound::kWatched) != 0;
}

// --- who closes ------------------------------------------------------------------------------------------------

// False: it was closed before.
template <class State>
CW_ALWAYS_INLINE bool close_state(State& state) noexcept {
  // seq_cst: before the look at who runs it. INV-CA1
  return (state.fetch_or(Callee::kClosed, std::memory_order_seq_cst) & Callee::kClosed) == 0;
}

// INV-CA4. Needs: closed.
template <class State>
CW_ALWAYS_INLINE bool never_called(const State& state) noexcept {
  // relaxed: the caller's own close, or one that it knows of, came before.
  return (state.load(std::memory_order_relaxed) & Callee::kFresh) != 0;
}

// Needs: heavy since the callee was closed.
template <class In, class Record>
CW_ALWAYS_INLINE bool is_in(const In& in, const Record* callee) noexcept {
  // acquire: what a call that is over did; pairs with the release that took the callee back. seq_cst as asym::load_after_heavy(). INV-CA1
  return in.callee.load(std::memory_order_seq_cst) == callee;
}

// Has the call tell of its end. True: the mark is new. Then heavy, and another look: INV-CA2
template <class In>
CW_ALWAYS_INLINE bool mark_watched(In& in) noexcept {
  return (in.rare.fetch_or(Inbound::kWatched, std::memory_order_seq_cst) & Inbound::kWatched) == 0;  // seq_cst: before that look
}

}  // namespace causeway::crossing
