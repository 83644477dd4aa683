// SPDX-License-Identifier: MIT
//
// Cache: the stacks and promises that one P keeps, so that spawn, first run and end take no lock.
//
// Owner only: whoever holds the P. Nothing here is touched by two threads at once but the counts that statistics read.
//
// A green thread may be reserved on one P, run first on a second and end on a third. What makes bind() certain is that promises are
// counted in the pool (INV-ST1): a reservation's promise stays behind it wherever it goes. If the binding cache has a stack of its own
// the promise becomes that cache's credit; if not, the promise buys a stack from the pool.
//
//   INV-CA1  credits <= kMaxCredits and count <= kMaxStacks per class, after every call.
//   INV-CA2  Each credit is one of the pool's promises; stacks in the list are Cached and not promised to anybody.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"
#include "runtime/stack/class_pool.hpp"
#include "runtime/stack/pool.hpp"
#include "runtime/stack/stack_class.hpp"

namespace causeway::stack {

class Cache {
 public:
  static constexpr uint32_t kMaxStacks = 64;
  static constexpr uint32_t kMaxCredits = 64;

  // The pool is started and outlives the cache.
  explicit Cache(Pool& pool) noexcept;
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;
  ~Cache();  // flushes

  // A promise that one later bind(), on whichever cache of the pool, succeeds. False: no memory, error() says more.
  // Blocks: never on the warm path; else for the class's lock.
  [[nodiscard]] bool reserve(StackClass stack_class) noexcept;
  // Gives such a promise back unused.
  void unreserve(StackClass stack_class) noexcept;
  // Turns such a promise into a stack: the one released last here, if there is one.
  Stack bind(StackClass stack_class) noexcept;
  // Nobody may be running on the stack any more, nor return to it. Fatal on a second release.
  void release(Stack stack, StackClass stack_class) noexcept;
  // Gives all stacks and credits to the pool: when the P goes idle for long, and before Pool::stop().
  void flush() noexcept;

  // Why the last reserve() failed.
  const base::Error& error() const noexcept { return error_; }

 private:
  friend class Pool;

  struct Shelf {
    // Owner writes, statistics read: relaxed, nothing is ordered by them.
    std::atomic<uint32_t> count{0};
    std::atomic<uint32_t> credits{0};
    std::byte* stacks[kMaxStacks];    // [0, count): low ends, the hottest last
    SlotRecord* records[kMaxStacks];  // of the same slots, so that bind() need not look them up
  };

  Shelf& shelf_of(StackClass stack_class) noexcept { return shelves_[class_index(stack_class)]; }
  void push(Shelf& shelf, std::byte* low, SlotRecord& record) noexcept;
  bool refill(StackClass stack_class) noexcept;
  void take_from_pool(StackClass stack_class) noexcept;
  void spill(StackClass stack_class, uint32_t n) noexcept;
  void add_credit(StackClass stack_class) noexcept;

  Pool& pool_;
  base::Error error_{};
  Shelf shelves_[kClasses];
  // Guarded by Pool::caches_lock_.
  Cache* next_ = nullptr;
  Cache* prev_ = nullptr;
};

inline bool Cache::reserve(StackClass stack_class) noexcept {
  Shelf& shelf = shelf_of(stack_class);
  if (shelf.credits.load(std::memory_order_relaxed) == 0 && !refill(stack_class)) [[unlikely]]
    return false;
  shelf.credits.store(shelf.credits.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  return true;
}

}  // namespace causeway::stack
