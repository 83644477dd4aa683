// SPDX-License-Identifier: MIT
//
// Pool: all stacks of one runtime, four class pools over one slab table.
//
// Users: the caches of the Ps (cache.hpp) take and give batches; code without a P (a foreign thread that spawns) uses reserve, unreserve,
// bind and release here, which lock; the monitor calls scavenge(); the signal handler looks addresses up.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/stack/class_pool.hpp"
#include "runtime/stack/guard_maker.hpp"
#include "runtime/stack/slab.hpp"
#include "runtime/stack/stack_class.hpp"

namespace causeway::stack {

class Cache;

struct PoolOptions {
  size_t guard_size = 0;                  // rounded up to pages; 0: one page; at most 16 MiB
  size_t slab_bytes = size_t{256} << 20;  // a power of two, 4 MiB to 1 GiB
  bool allow_light_guards = true;
  uint32_t protect_budget = 10'000;  // PROT_NONE guards at most, where there are no light ones; beyond it guards are only watched
  uint64_t scavenge_interval_ns = 1'000'000'000;
  uint32_t scavenge_batch = 4096;  // stacks per interval: bounds the monitor's work
};

struct PoolStats {
  size_t mapped_bytes = 0;       // address space, not memory
  size_t resident_estimate = 0;  // one page for each stack that is bound, cached or warm
  uint32_t slabs = 0;
  GuardKind guard = GuardKind::Light;  // what a new stack gets
  ClassStats classes[kClasses];
  uint64_t in_use = 0;  // sums over the classes
  uint64_t in_use_high_water = 0;
};

class Pool {
 public:
  Pool() noexcept;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  // Maps nothing big yet: the first reserve() of a class does. Errors: CW_E_INVALID, CW_E_NOMEM.
  base::Result<void> start(const PoolOptions& options) noexcept;
  // Unmaps everything, also what is still bound; returns how many stacks were. Caches are detached and the guard handler is gone before.
  size_t stop() noexcept;

  // A promise that one bind() will succeed. Blocks: for the class's lock. Errors: CW_E_NOMEM with errno and what to do.
  base::Result<void> reserve(StackClass stack_class) noexcept;
  void unreserve(StackClass stack_class) noexcept;
  // Needs: a promise of this class, made by any cache or by reserve(). Cannot fail.
  Stack bind(StackClass stack_class) noexcept;
  // Nobody may be running on the stack any more. Fatal on a second release and on a watched guard that was written.
  void release(Stack stack, StackClass stack_class) noexcept;

  // Stack: any. Blocks: never. Signal-safe: yes.
  Lookup lookup(uintptr_t address) const noexcept { return slabs_.lookup(address); }

  // After start(): the option, rounded up. Signal-safe: yes.
  size_t guard_bytes() const noexcept { return slabs_.guard_bytes(); }

  // Returns pages of free stacks beyond the high-water set, at a bounded rate; cheap when called too early. Called by the monitor only.
  // Returns the time of the next call that could find work, UINT64_MAX when there is none until stacks are released again.
  uint64_t scavenge(uint64_t now_ns) noexcept;
  // Returns the pages of all free stacks that are not promised; how many stacks.
  size_t release_all_free() noexcept;

  PoolStats stats() const noexcept;
  // Walks all lists and compares them with the counts (INV-ST1..4); fatal on a difference. For tests and debug builds: slow.
  void check() noexcept;

 private:
  friend class Cache;
  ClassPool& of(StackClass stack_class) noexcept { return classes_[class_index(stack_class)]; }
  void attach(Cache& cache) noexcept;
  void detach(Cache& cache) noexcept;
  void sum_caches(uint64_t* cached, uint64_t* credits) const noexcept;

  SlabTable slabs_;
  GuardMaker guards_;
  ClassPool classes_[kClasses];
  // Monitor only.
  uint64_t next_scavenge_ns_ = 0;
  uint64_t scavenge_interval_ns_ = 0;
  uint32_t scavenge_batch_ = 0;
  // Guarded by caches_lock_.
  mutable base::Lock caches_lock_{base::LockRank::Stack};
  Cache* caches_ = nullptr;
};

}  // namespace causeway::stack
