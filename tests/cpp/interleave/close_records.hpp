// SPDX-License-Identifier: MIT
//
// What the scenarios of callbacks that are closed have in place of the product's records, and the faults that they plant.
#pragma once

#include "runtime/crossing/crossing.hpp"
#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {

inline constexpr uintptr_t kTypeA = 0x100, kTypeB = 0x200;

struct CloseFaults : crossing::CalleeFaults {
  static constexpr bool kFirstCallIsSilent = false;  // INV-CA4: a first call goes in without an exchange
  static constexpr bool kOwnMarksOnly = false;       // INV-CA2: a watcher looks again after marks of its own, and not after another's
  static constexpr bool kNoSecondLook = false;       // INV-CA2: nor after its own
  static constexpr bool kSleepsBlindly = false;      // who waits does not compare the number of ends under the lock
  static constexpr bool kForgetsEnds = false;        // who settles does not look whether a call ended meanwhile
  static constexpr bool kReadsUncounted = false;     // INV-SL1: a late call reads the fallback without counting itself
  static constexpr bool kClaimsByState = false;      // INV-SL1: who wants a slot takes its state away to see whether anybody reads
  static constexpr bool kEveryType = false;          // INV-CA3: a call in takes whatever callback is open there for its own
};

// A callback's record. What Plain members and bools say is of who may touch the functor and the fallback.
template <class Env>
struct Record {
  static constexpr uint32_t kTaken = uint32_t{1} << 31;  // as Slot::kTaken
  typename Env::template atomic<uintptr_t> state{0};
  typename Env::template atomic<uint32_t> readers{0};
  Plain<uint32_t> functor{1, "INV-CA1"};
  Plain<uint32_t> fallback{kTypeA, "INV-SL1"};
  Record* next = nullptr;  // guarded by the process lock
  // For the checks, seen at once by all.
  uintptr_t type = kTypeA;
  bool closed = false;  // somebody has waited for its calls
  bool ended = false;
  bool claimed = false;
  unsigned running = 0, reading = 0;
  unsigned lost = 0;  // late calls that did not find the fallback, though the slot was not used again
};

// A green thread's crossing::Inbound. Its word is its owner's, whose relaxed store goes on with the release sequence of the store before it
// (begin_callee_warm() says why); the checker's memory has C++20's rule, so it is told by a release. For that, and as exchanges are in program order
// here, INV-CA5 is not shown.
template <class Env>
struct GreenIn {
  struct Word : Env::template atomic<Record<Env>*> {
    using Env::template atomic<Record<Env>*>::atomic;
    void store(Record<Env>* value, std::memory_order) { Env::template atomic<Record<Env>*>::store(value, std::memory_order_release); }
  };
  Word callee{nullptr};
  typename Env::template atomic<uint32_t> rare{0};
};

}  // namespace causeway::interleave
