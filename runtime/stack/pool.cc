// SPDX-License-Identifier: MIT
//
// Start and stop, the paths without a cache, the scavenger's clock, statistics.
#include "runtime/stack/pool.hpp"

#include <algorithm>

#include "runtime/os/os.hpp"
#include "runtime/stack/cache.hpp"
#include "runtime/stack/handover.hpp"

namespace causeway::stack {

Pool::Pool() noexcept = default;

Pool::~Pool() { stop(); }

base::Result<void> Pool::start(const PoolOptions& options) noexcept {
  CW_CHECK(!slabs_.started(), "the stack pool is already started");
  const auto started = slabs_.start(options.slab_bytes, options.guard_size);
  if (!started.has_value()) return started.error();
  guards_.start(options.allow_light_guards, options.protect_budget, slabs_.guard_bytes());
  for (size_t i = 0; i < kClasses; ++i) classes_[i].start(slabs_, guards_, static_cast<StackClass>(i));
  scavenge_interval_ns_ = options.scavenge_interval_ns;
  scavenge_batch_ = options.scavenge_batch;
  next_scavenge_ns_ = 0;
  return {};
}

size_t Pool::stop() noexcept {
  if (!slabs_.started()) return 0;
  CW_CHECK(caches_ == nullptr, "the stack pool stopped before its caches");
  const auto bound = static_cast<size_t>(stats().in_use);
  slabs_.stop();
  return bound;
}

base::Result<void> Pool::reserve(StackClass stack_class) noexcept {
  const auto promised = of(stack_class).promise(1);
  if (!promised.has_value()) return promised.error();
  return {};
}

void Pool::unreserve(StackClass stack_class) noexcept { of(stack_class).unpromise(1); }

Stack Pool::bind(StackClass stack_class) noexcept {
  std::byte* low = nullptr;
  of(stack_class).take({&low, 1}, SlotState::Bound);
  return hand_out(slabs_, low, stack_class);
}

void Pool::release(Stack stack, StackClass stack_class) noexcept {
  take_back(slabs_, guards_, stack.low);
  of(stack_class).put({&stack.low, 1}, SlotState::Bound, 0);
}

uint64_t Pool::scavenge(uint64_t now_ns) noexcept {
  if (now_ns < next_scavenge_ns_) return next_scavenge_ns_;
  next_scavenge_ns_ = now_ns + scavenge_interval_ns_;
  uint32_t left = scavenge_batch_;
  bool more = false;
  for (ClassPool& pool : classes_) {
    left -= pool.scavenge(left);
    pool.tick();
    more = more || pool.can_scavenge_later();
  }
  return more ? next_scavenge_ns_ : UINT64_MAX;
}

size_t Pool::release_all_free() noexcept {
  size_t released = 0;
  for (ClassPool& pool : classes_) released += pool.release_all();
  return released;
}

void Pool::attach(Cache& cache) noexcept {
  base::LockGuard guard(caches_lock_);
  cache.next_ = caches_;
  if (caches_ != nullptr) caches_->prev_ = &cache;
  caches_ = &cache;
}

void Pool::detach(Cache& cache) noexcept {
  base::LockGuard guard(caches_lock_);
  (cache.prev_ == nullptr ? caches_ : cache.prev_->next_) = cache.next_;
  if (cache.next_ != nullptr) cache.next_->prev_ = cache.prev_;
}

PoolStats Pool::stats() const noexcept {
  PoolStats stats;
  stats.slabs = slabs_.count();
  stats.mapped_bytes = stats.slabs * slabs_.slab_bytes();
  stats.guard = guards_.next_kind();
  uint64_t credits[kClasses];
  uint64_t cached[kClasses];
  sum_caches(cached, credits);
  for (size_t i = 0; i < kClasses; ++i) {
    ClassStats& one = stats.classes[i];
    one = classes_[i].stats();
    // The caches move on while we count: never below zero.
    one.cached = std::min(cached[i], one.in_use);
    one.in_use -= one.cached;
    stats.in_use += one.in_use;
    stats.in_use_high_water += one.in_use_high_water;
    stats.resident_estimate += (one.in_use + one.cached + one.free_warm) * os::page_size();
  }
  return stats;
}

void Pool::sum_caches(uint64_t* cached, uint64_t* credits) const noexcept {
  std::fill_n(cached, kClasses, 0);
  std::fill_n(credits, kClasses, 0);
  base::LockGuard guard(caches_lock_);
  for (const Cache* cache = caches_; cache != nullptr; cache = cache->next_) {
    for (size_t i = 0; i < kClasses; ++i) {
      // relaxed: numbers for a report.
      cached[i] += cache->shelves_[i].count.load(std::memory_order_relaxed);
      credits[i] += cache->shelves_[i].credits.load(std::memory_order_relaxed);
    }
  }
}

void Pool::check() noexcept {
  uint64_t cached[kClasses];
  uint64_t credits[kClasses];
  sum_caches(cached, credits);
  for (size_t i = 0; i < kClasses; ++i) {
    classes_[i].check();
    const ClassStats one = classes_[i].stats();
    CW_CHECK(credits[i] <= one.promised, "INV-CA2: a cache has credits that the pool never promised");
    CW_CHECK(cached[i] <= one.in_use, "INV-CA2: the caches hold more stacks than the pool handed out");
  }
}

}  // namespace causeway::stack
