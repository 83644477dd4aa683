// SPDX-License-Identifier: MIT
//
// Returning the pages of free stacks: the coldest first, neighbours with one call, never more than is promised to nobody.
//
// The stacks are Scavenging while madvise runs, so it holds no lock; they count as not free meanwhile, so INV-ST1 limits how many may be
// taken at once. Guards survive MADV_DONTNEED, and so one call may cover several neighbours with the guards between them.
#include "runtime/stack/scavenge.hpp"

#include <algorithm>

#include "runtime/os/os.hpp"
#include "runtime/stack/class_pool.hpp"

namespace causeway::stack {
namespace {

// Taken off the list under one hold of the lock.
constexpr uint32_t kHold = 128;

}  // namespace

uint32_t ClassPool::scavenge(uint32_t limit) noexcept { return return_pages(limit, Keep::HighWater); }

uint32_t ClassPool::release_all() noexcept { return return_pages(UINT32_MAX, Keep::Nothing); }

void ClassPool::tick() noexcept {
  base::LockGuard guard(lock_);
  window_.next_interval(handed_out_locked());
}

bool ClassPool::can_scavenge_later() const noexcept {
  base::LockGuard guard(lock_);
  return std::min(warm_.count, slack_locked()) > 0;
}

uint32_t ClassPool::return_pages(uint32_t limit, Keep keep) noexcept {
  uint32_t total = 0;
  while (total < limit) {
    SlotId ids[kHold];
    const uint32_t n = take_coldest(ids, std::min(limit - total, kHold), keep);
    if (n == 0) break;
    std::sort(ids, ids + n);
    const size_t bytes = slabs_->stack_bytes(class_);
    for (uint32_t first = 0, last; first < n; first = last + 1) {
      // Neighbouring ids are neighbouring slots: a slab never has slot 65535, so no run goes from one slab into the next.
      for (last = first; last + 1 < n && ids[last + 1] == ids[last] + 1;) ++last;
      std::byte* low = slabs_->low_of(ids[first]);
      os::advise_dontneed(low, static_cast<size_t>(slabs_->low_of(ids[last]) + bytes - low));
    }
    base::LockGuard guard(lock_);
    for (uint32_t i = n; i > 0; --i) push_front_locked(cold_, ids[i - 1], SlotState::FreeCold);
    scavenging_ -= n;
    scavenged_ += n;
    total += n;
  }
  return total;
}

// Makes up to `limit` stacks from the warm list's old end Scavenging.
uint32_t ClassPool::take_coldest(SlotId* ids, uint32_t limit, Keep keep) noexcept {
  base::LockGuard guard(lock_);
  const uint32_t spare = keep == Keep::Nothing ? warm_.count : warm_excess(warm_.count, handed_out_locked(), window_.peak());
  const uint32_t n = std::min({limit, spare, slack_locked()});  // INV-ST1
  for (uint32_t i = 0; i < n; ++i) {
    ids[i] = warm_.tail;
    remove_locked(warm_, ids[i]);
    slabs_->record(ids[i]).state.store(SlotState::Scavenging, std::memory_order_relaxed);
  }
  scavenging_ += n;
  CW_CHECK(free_locked() >= promised_, "INV-ST1: the scavenger took promised stacks");
  return n;
}

}  // namespace causeway::stack
