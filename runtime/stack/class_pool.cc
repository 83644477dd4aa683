// SPDX-License-Identifier: MIT
//
// Free lists and promises of one class.
#include "runtime/stack/class_pool.hpp"

#include <algorithm>
#include <cerrno>

namespace causeway::stack {

void ClassPool::start(SlabTable& slabs, GuardMaker& guards, StackClass stack_class) noexcept {
  slabs_ = &slabs;
  guards_ = &guards;
  class_ = stack_class;
  warm_ = cold_ = raw_ = List{};
  current_ = nullptr;
  promised_ = prepared_ = scavenging_ = handed_out_high_water_ = 0;
  scavenged_ = 0;
  window_ = HighWaterWindow{};
}

// --- promises ---------------------------------------------------------------------------------------------------

base::Result<uint32_t> ClassPool::promise(uint32_t want) noexcept {
  base::LockGuard guard(lock_);
  base::Error error{};
  while (slack_locked() < want) {
    SlotId ids[kBatch];
    const auto claimed = claim_raw_locked({ids, kBatch});
    if (!claimed.has_value()) {
      error = claimed.error();
      break;
    }
    lock_.unlock();
    GuardKind kinds[kBatch];
    int sys_errno = 0;
    const uint32_t done = prepare({ids, *claimed}, kinds, &sys_errno);
    lock_.lock();
    for (uint32_t i = 0; i < done; ++i) {
      slabs_->record(ids[i]).guard = kinds[i];
      push_back_locked(cold_, ids[i], SlotState::FreeCold);
    }
    prepared_ += done;
    for (uint32_t i = *claimed; i > done; --i) push_front_locked(raw_, ids[i - 1], SlotState::Raw);
    if (done < *claimed) {
      error = base::fail(CW_E_NOMEM, "no memory for the guard of a stack: raise the memory limit or vm.max_map_count", sys_errno);
      break;
    }
  }
  const uint32_t got = std::min(want, slack_locked());
  if (got == 0) return error;
  promised_ += got;
  return got;
}

void ClassPool::unpromise(uint32_t count) noexcept {
  base::LockGuard guard(lock_);
  CW_CHECK(promised_ >= count, "more stack promises were given back than made");
  promised_ -= count;
}

// Up to ids.size() slots without a guard: those that failed before, else the next fresh ones in address order.
base::Result<uint32_t> ClassPool::claim_raw_locked(std::span<SlotId> ids) noexcept {
  uint32_t n = 0;
  while (n < ids.size() && raw_.count > 0) {
    ids[n] = raw_.head;
    remove_locked(raw_, ids[n++]);
  }
  if (n == 0) {
    if (current_ == nullptr || current_->fresh == current_->slots) {
      const auto slab = slabs_->add(class_);
      if (!slab.has_value()) return slab.error();
      current_ = *slab;
    }
    while (n < ids.size() && current_->fresh < current_->slots) ids[n++] = (SlotId{current_->index} << 16) | current_->fresh++;
  }
  // relaxed, here and for all states: the class pool's lock or the slot's owner orders them; lookup() only takes a hint.
  for (uint32_t i = 0; i < n; ++i) slabs_->record(ids[i]).state.store(SlotState::Preparing, std::memory_order_relaxed);
  return n;
}

// Closes the guards of slots that are ours alone while they are Preparing. Not under the lock: a guard costs a system call.
uint32_t ClassPool::prepare(std::span<const SlotId> ids, GuardKind* kinds, int* sys_errno) noexcept {
  std::byte* lows[kBatch];
  for (size_t i = 0; i < ids.size(); ++i) lows[i] = slabs_->low_of(ids[i]);
  const size_t done = guards_->install({lows, ids.size()}, {kinds, ids.size()});
  if (done < ids.size()) *sys_errno = errno;
  return static_cast<uint32_t>(done);
}

// --- stacks in and out ------------------------------------------------------------------------------------------

void ClassPool::take(std::span<std::byte*> stacks, SlotState to) noexcept {
  base::LockGuard guard(lock_);
  const auto n = static_cast<uint32_t>(stacks.size());
  CW_CHECK(promised_ >= n, "a stack was bound without a reservation");
  CW_CHECK(free_locked() >= n, "a promised stack is missing (INV-ST1)");
  promised_ -= n;
  for (std::byte*& low : stacks) {
    List& list = warm_.count > 0 ? warm_ : cold_;
    const SlotId id = list.head;
    remove_locked(list, id);
    slabs_->record(id).state.store(to, std::memory_order_relaxed);
    low = slabs_->low_of(id);
  }
  window_.note(handed_out_locked());
  handed_out_high_water_ = std::max(handed_out_high_water_, handed_out_locked());
  CW_DCHECK(free_locked() >= promised_, "INV-ST1");
}

uint32_t ClassPool::put(std::span<std::byte* const> stacks, SlotState from, uint32_t want_promises) noexcept {
  base::LockGuard guard(lock_);
  for (std::byte* low : stacks) {
    const SlotId id = slabs_->id_of(low);
    SlotRecord& record = slabs_->record(id);
    CW_CHECK(record.state.load(std::memory_order_relaxed) == from, "a stack was released twice (INV-ST2)");
    CW_CHECK(slabs_->slab(id >> 16).stack_class == class_, "a stack was released to the wrong class");
    push_front_locked(warm_, id, SlotState::FreeWarm);
  }
  const uint32_t got = std::min(want_promises, slack_locked());
  promised_ += got;
  return got;
}

// --- lists ------------------------------------------------------------------------------------------------------

void ClassPool::push_front_locked(List& list, SlotId id, SlotState state) noexcept {
  SlotRecord& record = slabs_->record(id);
  record.state.store(state, std::memory_order_relaxed);
  record.prev = kNoSlot;
  record.next = list.head;
  (list.head == kNoSlot ? list.tail : slabs_->record(list.head).prev) = id;
  list.head = id;
  ++list.count;
}

void ClassPool::push_back_locked(List& list, SlotId id, SlotState state) noexcept {
  SlotRecord& record = slabs_->record(id);
  record.state.store(state, std::memory_order_relaxed);
  record.next = kNoSlot;
  record.prev = list.tail;
  (list.tail == kNoSlot ? list.head : slabs_->record(list.tail).next) = id;
  list.tail = id;
  ++list.count;
}

void ClassPool::remove_locked(List& list, SlotId id) noexcept {
  const SlotRecord& record = slabs_->record(id);
  (record.prev == kNoSlot ? list.head : slabs_->record(record.prev).next) = record.next;
  (record.next == kNoSlot ? list.tail : slabs_->record(record.next).prev) = record.prev;
  --list.count;
}

// --- looking ----------------------------------------------------------------------------------------------------

ClassStats ClassPool::stats() const noexcept {
  base::LockGuard guard(lock_);
  ClassStats stats;
  stats.prepared = prepared_;
  stats.in_use = handed_out_locked();
  stats.in_use_high_water = handed_out_high_water_;
  stats.free_warm = warm_.count;
  stats.free_cold = cold_.count;
  stats.promised = promised_;
  stats.scavenged = scavenged_;
  return stats;
}

void ClassPool::check() noexcept {
  base::LockGuard guard(lock_);
  CW_CHECK(free_locked() >= promised_, "INV-ST1: fewer free stacks than promises");
  CW_CHECK(prepared_ >= free_locked() + scavenging_, "INV-ST3: more free stacks than were prepared");
  check_list_locked(warm_, SlotState::FreeWarm);
  check_list_locked(cold_, SlotState::FreeCold);
  check_list_locked(raw_, SlotState::Raw);
}

void ClassPool::check_list_locked(const List& list, SlotState state) noexcept {
  uint32_t n = 0;
  SlotId previous = kNoSlot;
  for (SlotId id = list.head; id != kNoSlot; id = slabs_->record(id).next, ++n) {
    const SlotRecord& record = slabs_->record(id);
    CW_CHECK(n < list.count, "INV-ST2: a list of stacks is longer than its count");
    CW_CHECK(record.state.load(std::memory_order_relaxed) == state, "INV-ST2: a stack is in a list that its state does not name");
    CW_CHECK(record.prev == previous, "INV-ST2: a list of stacks is broken");
    if (state != SlotState::Raw && record.guard == GuardKind::Watch)
      CW_CHECK(watched_range_untouched(slabs_->low_of(id) - slabs_->guard_bytes(), slabs_->guard_bytes()),
               "INV-ST4: a free stack's guard range was written");
    previous = id;
  }
  CW_CHECK(n == list.count && list.tail == previous, "INV-ST2: a list of stacks is shorter than its count");
}

}  // namespace causeway::stack
