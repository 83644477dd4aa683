// SPDX-License-Identifier: MIT
//
// The prepared free stacks of one class, and the promises made on them.
//
// A promise says: one bind will find a stack. It is held by a spawned green thread that has not run (a reservation) or by a cache
// (a credit, which the next spawn on its P turns into a reservation without a lock). Preparing - taking a fresh slot and installing
// its guard - happens when a promise is made, so that memory runs out at the spawn and never at the first run.
//
//   INV-ST1  free_warm + free_cold >= promised, and promised = reservations outstanding + credits of all caches.
//   INV-ST2  A slot is in exactly one place, the one that its SlotState names; only FreeWarm and FreeCold slots are in the two lists.
//   INV-ST3  prepared = free + scavenging + handed out (cached or bound).
//   INV-ST4  A free slot's guard is in place (or, GuardKind::Watch, its guard range is zero).
//
// The warm list is last in, first out. The cold list gives scavenged stacks first (their page tables are there), then fresh ones in
// address order. Guards are installed without the lock: the slots are Preparing meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/base/base.hpp"
#include "runtime/stack/guard_maker.hpp"
#include "runtime/stack/scavenge.hpp"
#include "runtime/stack/slab.hpp"

namespace causeway::stack {

// Stacks or promises that move between a cache and the pool at once. Guards are prepared in such batches too.
inline constexpr uint32_t kBatch = 32;

struct ClassStats {
  uint64_t prepared = 0;           // slots with a guard
  uint64_t in_use = 0;             // bound to green threads
  uint64_t in_use_high_water = 0;  // of the stacks handed out, so it counts those that lay in caches at that time too
  uint64_t cached = 0;
  uint64_t free_warm = 0;
  uint64_t free_cold = 0;
  uint64_t promised = 0;
  uint64_t scavenged = 0;  // how often a stack's pages were returned, ever
};

class alignas(64) ClassPool {
 public:
  void start(SlabTable& slabs, GuardMaker& guards, StackClass stack_class) noexcept;

  // Makes up to `want` promises, at least one. Errors: CW_E_NOMEM: not even one could be backed.
  base::Result<uint32_t> promise(uint32_t want) noexcept;
  void unpromise(uint32_t count) noexcept;

  // Takes stacks.size() stacks, warm ones first, against as many promises. Cannot fail (INV-ST1).
  void take(std::span<std::byte*> stacks, SlotState to) noexcept;
  // Gives stacks in state `from` back; makes up to `want_promises` promises to the caller out of what is free and returns how many.
  uint32_t put(std::span<std::byte* const> stacks, SlotState from, uint32_t want_promises) noexcept;

  // Returns the pages of at most `limit` warm stacks, of those that the high-water window does not keep; how many.
  uint32_t scavenge(uint32_t limit) noexcept;
  // The same for every warm stack that is not promised.
  uint32_t release_all() noexcept;
  // Closes the window's current interval.
  void tick() noexcept;
  // True if a scavenge() after enough ticks finds work, even if nothing is released until then.
  bool can_scavenge_later() const noexcept;

  ClassStats stats() const noexcept;  // in_use holds the cached ones too: the caller knows the caches
  void check() noexcept;

 private:
  enum class Keep { HighWater, Nothing };
  struct List {
    SlotId head = kNoSlot;
    SlotId tail = kNoSlot;
    uint32_t count = 0;
  };

  uint32_t free_locked() const noexcept { return warm_.count + cold_.count; }
  uint32_t slack_locked() const noexcept { return free_locked() - promised_; }                     // INV-ST1: not negative
  uint32_t handed_out_locked() const noexcept { return prepared_ - free_locked() - scavenging_; }  // INV-ST3
  void push_front_locked(List& list, SlotId id, SlotState state) noexcept;
  void push_back_locked(List& list, SlotId id, SlotState state) noexcept;
  void remove_locked(List& list, SlotId id) noexcept;
  base::Result<uint32_t> claim_raw_locked(std::span<SlotId> ids) noexcept;
  uint32_t prepare(std::span<const SlotId> ids, GuardKind* kinds, int* sys_errno) noexcept;
  uint32_t return_pages(uint32_t limit, Keep keep) noexcept;
  uint32_t take_coldest(SlotId* ids, uint32_t limit, Keep keep) noexcept;
  void check_list_locked(const List& list, SlotState state) noexcept;

  SlabTable* slabs_ = nullptr;
  GuardMaker* guards_ = nullptr;
  StackClass class_ = StackClass::k64K;

  // Guarded by lock_.
  mutable base::Lock lock_{base::LockRank::Stack};
  List warm_;
  List cold_;
  List raw_;                 // slots whose guard could not be installed
  Slab* current_ = nullptr;  // fresh slots come from here, in address order
  uint32_t promised_ = 0;
  uint32_t prepared_ = 0;
  uint32_t scavenging_ = 0;
  uint32_t handed_out_high_water_ = 0;
  uint64_t scavenged_ = 0;
  HighWaterWindow window_;
};

}  // namespace causeway::stack
