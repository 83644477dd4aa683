// SPDX-License-Identifier: MIT
//
// Slabs: aligned pieces of address space, each cut into slots of one class, and the way from any address to its slot.
//
//   low addresses                                                                     high addresses
//   | slot records | guard 0 | stack 0 | guard 1 | stack 1 | ... | guard n-1 | stack n-1 | rest |
//
// A slab is one mapping (MAP_NORESERVE, never huge pages): a million stacks need 260 of them, and what is not touched costs nothing. It is
// aligned to its own size, so that address / slab size indexes a directory: lookup is two loads and a multiplication, needs no lock
// and may run in a signal handler. The slot records stand in the slab's first pages, apart from the stacks: linking a free
// stack does not touch the stack's own pages, which the scavenger may have returned.
//
//   INV-SL1  A directory entry, once non-zero, and the descriptor it names do not change until stop(); slabs are unmapped only there.
//   INV-SL2  All slots of a slab have one class; slot i's guard is [base + first + i * stride, + guard bytes), its stack ends the slot.
//   INV-SL3  A slot's record is written by whoever owns the slot in its present state (see SlotState).
//
// Not chosen: a sorted list of slabs (a search on every lookup); records on the stacks' own pages (a fault for every link).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/stack/guard.hpp"
#include "runtime/stack/stack_class.hpp"

namespace causeway::stack {

// Slab index in the upper 16 bits, slot in the lower.
using SlotId = uint32_t;
inline constexpr SlotId kNoSlot = UINT32_MAX;

enum class SlotState : uint8_t {
  Raw,         // never prepared, or its guard could not be installed; the class pool may prepare it
  Preparing,   // taken by one thread that installs the guard
  FreeCold,    // in the pool's cold list: no page of its own, or none that is known
  FreeWarm,    // in the pool's warm list: its pages are still there
  Scavenging,  // taken by the scavenger, which returns its pages
  Cached,      // in one cache's list, its owner's
  Bound,       // a green thread's
};

// One per slot; only the records of slots that were ever used are resident.
struct SlotRecord {
  SlotId next;  // links of the class pool's lists; guarded by its lock
  SlotId prev;
  std::atomic<SlotState> state;  // zero pages read as Raw
  GuardKind guard;
};
static_assert(sizeof(SlotRecord) <= 16);

// One slab. Constant after it is published, but for the field that says otherwise.
struct Slab {
  std::byte* base;
  SlotRecord* records;
  uint32_t slots;
  uint32_t first_page;  // of slot 0's guard, from base
  uint32_t stride_pages;
  uint32_t reciprocal;  // ceil(2^32 / stride_pages)
  uint32_t fresh;       // slots below it have been taken for preparing; guarded by the class pool's lock
  uint16_t index;
  StackClass stack_class;
};

// What an address is to us.
struct Lookup {
  bool found = false;     // it lies in a slot of ours
  bool is_guard = false;  // in the guard below the stack
  bool bound = false;     // the slot is a green thread's at this moment (a hint: another thread may change it)
  StackClass stack_class = StackClass::k64K;
  Stack stack;
};

class SlabTable {
 public:
  // Errors: CW_E_INVALID (a size that does not fit), CW_E_NOMEM. guard_bytes is a multiple of the page size.
  base::Result<void> start(size_t slab_bytes, size_t guard_bytes) noexcept;
  // Unmaps all. No lookup may be under way.
  void stop() noexcept;

  // Maps and publishes one more slab. Locks: Slab. Errors: CW_E_NOMEM with errno.
  base::Result<Slab*> add(StackClass stack_class) noexcept;

  // Stack: any. Blocks: never. Signal-safe: yes.
  Lookup lookup(uintptr_t address) const noexcept;

  // The record of the stack that begins at `low`. Fatal when it is none of ours.
  SlotId id_of(const std::byte* low) const noexcept;
  SlotRecord& record(SlotId id) const noexcept { return slabs_[id >> 16].records[id & 0xffff]; }
  SlotRecord& record_of(const std::byte* low) const noexcept;
  std::byte* low_of(SlotId id) const noexcept;
  Slab& slab(uint32_t index) const noexcept { return slabs_[index]; }

  bool started() const noexcept { return slabs_ != nullptr; }
  uint32_t count() const noexcept { return count_.load(std::memory_order_acquire); }  // acquire: with the release in add()
  size_t slab_bytes() const noexcept { return size_t{1} << shift_; }
  size_t guard_bytes() const noexcept { return guard_bytes_; }
  // The class's bytes in whole pages.
  size_t stack_bytes(StackClass stack_class) const noexcept { return stack_bytes_[class_index(stack_class)]; }

 private:
  const Slab* slab_at(uintptr_t address) const noexcept;
  static uint32_t slot_of_page(const Slab& slab, uint64_t page) noexcept;
  uint32_t slot_of_low(const Slab& slab, const std::byte* low) const noexcept;
  std::byte* low_in(const Slab& slab, uint32_t slot) const noexcept;
  void* map_aligned() noexcept;

  // Constant between start() and stop().
  Slab* slabs_ = nullptr;                       // kMaxSlabs descriptors, address space only
  std::atomic<uint16_t>* directory_ = nullptr;  // by address >> shift_: index + 1 of the slab there; INV-SL1
  size_t directory_bytes_ = 0;
  size_t guard_bytes_ = 0;
  size_t stack_bytes_[kClasses] = {};
  size_t page_bytes_ = 0;
  unsigned shift_ = 0;
  unsigned page_shift_ = 0;
  // Written under lock_, read by everyone.
  std::atomic<uint32_t> count_{0};
  base::Lock lock_{base::LockRank::Slab};
};

// ------------------------------------------------------------------------------------------------ inline bodies: on the warm path

inline constexpr unsigned kAddressBits = 48;  // of user addresses that were not asked for by a hint, on all CPUs that we have

inline const Slab* SlabTable::slab_at(uintptr_t address) const noexcept {
  if ((address >> kAddressBits) != 0 || directory_ == nullptr) return nullptr;
  // acquire: pairs with the release in add(); the descriptor is complete.
  const uint16_t entry = directory_[address >> shift_].load(std::memory_order_acquire);
  return entry == 0 ? nullptr : &slabs_[entry - 1];
}

// The slot that page `page`, counted from slot 0's guard, lies in.
inline uint32_t SlabTable::slot_of_page(const Slab& slab, uint64_t page) noexcept {
  return static_cast<uint32_t>((page * slab.reciprocal) >> 32);
}

inline std::byte* SlabTable::low_in(const Slab& slab, uint32_t slot) const noexcept {
  const uint64_t page = slab.first_page + uint64_t{slot} * slab.stride_pages;
  return slab.base + (page << page_shift_) + guard_bytes_;
}

inline std::byte* SlabTable::low_of(SlotId id) const noexcept { return low_in(slabs_[id >> 16], id & 0xffff); }

inline uint32_t SlabTable::slot_of_low(const Slab& slab, const std::byte* low) const noexcept {
  const uint64_t page = static_cast<uint64_t>(low - slab.base) >> page_shift_;
  const uint32_t slot = slot_of_page(slab, page - slab.first_page);
  CW_CHECK(slot < slab.slots && low_in(slab, slot) == low, "a stack came back with a wrong low end");
  return slot;
}

inline SlotRecord& SlabTable::record_of(const std::byte* low) const noexcept {
  const Slab* slab = slab_at(reinterpret_cast<uintptr_t>(low));
  CW_CHECK(slab != nullptr, "a stack that is not ours came back to the stack pool");
  return slab->records[slot_of_low(*slab, low)];
}

inline SlotId SlabTable::id_of(const std::byte* low) const noexcept {
  const Slab* slab = slab_at(reinterpret_cast<uintptr_t>(low));
  CW_CHECK(slab != nullptr, "a stack that is not ours came back to the stack pool");
  return (SlotId{slab->index} << 16) | slot_of_low(*slab, low);
}

}  // namespace causeway::stack
