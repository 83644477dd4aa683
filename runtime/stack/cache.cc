// SPDX-License-Identifier: MIT
//
// The warm path and the batches.
#include "runtime/stack/cache.hpp"

#include <algorithm>

#include "runtime/stack/handover.hpp"

namespace causeway::stack {

// relaxed, throughout: only the owner writes count and credits, and the others only count.
using std::memory_order_relaxed;

Cache::Cache(Pool& pool) noexcept : pool_(pool) { pool_.attach(*this); }

Cache::~Cache() {
  flush();
  pool_.detach(*this);
}

void Cache::unreserve(StackClass stack_class) noexcept { add_credit(stack_class); }

Stack Cache::bind(StackClass stack_class) noexcept {
  Shelf& shelf = shelf_of(stack_class);
  if (shelf.count.load(memory_order_relaxed) == 0) [[unlikely]] {
    take_from_pool(stack_class);
  } else {
    add_credit(stack_class);  // the reservation's promise, not needed for a stack that is ours already
  }
  const uint32_t last = shelf.count.load(memory_order_relaxed) - 1;
  shelf.count.store(last, memory_order_relaxed);
  SlotRecord& record = *shelf.records[last];
  CW_CHECK(record.state.load(memory_order_relaxed) == SlotState::Cached, "a cached stack is not Cached (INV-ST2)");
  record.state.store(SlotState::Bound, memory_order_relaxed);
  return hand_out(pool_.slabs_, shelf.stacks[last], stack_class);
}

void Cache::release(Stack stack, StackClass stack_class) noexcept {
  SlotRecord& record = take_back(pool_.slabs_, pool_.guards_, stack.low);
  record.state.store(SlotState::Cached, memory_order_relaxed);
  Shelf& shelf = shelf_of(stack_class);
  if (shelf.count.load(memory_order_relaxed) == kMaxStacks) [[unlikely]]
    spill(stack_class, kBatch);
  push(shelf, stack.low, record);
}

void Cache::push(Shelf& shelf, std::byte* low, SlotRecord& record) noexcept {
  const uint32_t count = shelf.count.load(memory_order_relaxed);
  shelf.stacks[count] = low;
  shelf.records[count] = &record;
  shelf.count.store(count + 1, memory_order_relaxed);
}

void Cache::flush() noexcept {
  for (size_t i = 0; i < kClasses; ++i) {
    const auto stack_class = static_cast<StackClass>(i);
    Shelf& shelf = shelf_of(stack_class);
    if (const uint32_t count = shelf.count.load(memory_order_relaxed))
      pool_.of(stack_class).put({shelf.stacks, count}, SlotState::Cached, 0);
    if (const uint32_t credits = shelf.credits.load(memory_order_relaxed)) pool_.of(stack_class).unpromise(credits);
    shelf.count.store(0, memory_order_relaxed);
    shelf.credits.store(0, memory_order_relaxed);
  }
}

// Gets credits, at least one: for stacks of our own that we do not need at hand, else from the pool, in the end for the last of ours.
bool Cache::refill(StackClass stack_class) noexcept {
  Shelf& shelf = shelf_of(stack_class);
  if (shelf.count.load(memory_order_relaxed) > kBatch) {
    spill(stack_class, kBatch);
    return true;
  }
  const auto promised = pool_.of(stack_class).promise(kBatch);
  if (promised.has_value()) {
    shelf.credits.store(*promised, memory_order_relaxed);
    return true;
  }
  error_ = promised.error();
  const uint32_t count = shelf.count.load(memory_order_relaxed);
  if (count > 0) spill(stack_class, count);
  return shelf.credits.load(memory_order_relaxed) > 0;
}

// The shelf is empty: the reservation buys one stack from the pool, our credits some more in advance.
void Cache::take_from_pool(StackClass stack_class) noexcept {
  Shelf& shelf = shelf_of(stack_class);
  const uint32_t credits = shelf.credits.load(memory_order_relaxed);
  const uint32_t extra = std::min(credits, kBatch - 1);
  std::byte* stacks[kBatch];
  pool_.of(stack_class).take({stacks, extra + 1}, SlotState::Cached);
  shelf.credits.store(credits - extra, memory_order_relaxed);
  for (uint32_t i = extra + 1; i > 0; --i)
    push(shelf, stacks[i - 1], pool_.slabs_.record_of(stacks[i - 1]));  // the pool's first is ours too
}

// Gives the `n` coldest stacks to the pool. If credits are short, takes up to n of them for it.
void Cache::spill(StackClass stack_class, uint32_t n) noexcept {
  Shelf& shelf = shelf_of(stack_class);
  const uint32_t count = shelf.count.load(memory_order_relaxed);
  const uint32_t credits = shelf.credits.load(memory_order_relaxed);
  const uint32_t want = credits < kBatch ? std::min(n, kBatch - credits) : 0;
  const uint32_t got = pool_.of(stack_class).put({shelf.stacks, n}, SlotState::Cached, want);
  std::copy(shelf.stacks + n, shelf.stacks + count, shelf.stacks);
  std::copy(shelf.records + n, shelf.records + count, shelf.records);
  shelf.count.store(count - n, memory_order_relaxed);
  shelf.credits.store(credits + got, memory_order_relaxed);
}

void Cache::add_credit(StackClass stack_class) noexcept {
  Shelf& shelf = shelf_of(stack_class);
  uint32_t credits = shelf.credits.load(memory_order_relaxed) + 1;
  if (credits > kMaxCredits) [[unlikely]] {  // reservations made elsewhere end up here: back to where all caches find them
    pool_.of(stack_class).unpromise(kBatch);
    credits -= kBatch;
  }
  shelf.credits.store(credits, memory_order_relaxed);
}

}  // namespace causeway::stack
