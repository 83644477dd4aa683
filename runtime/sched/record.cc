// SPDX-License-Identifier: MIT
#include "runtime/sched/record.hpp"

#include <cstdlib>

#include "runtime/sched/exit_watch.hpp"
#include "runtime/sched/poison.hpp"

namespace causeway::sched {

namespace {

constexpr uint32_t kFreeMax = 1024, kFreeBatch = 256;  // records that a P keeps, and moves at once

CW_NOINLINE void spill_records(P* p) noexcept {
  G* first = p->free_greens;
  G* last = first;
  for (uint32_t i = 1; i < kFreeBatch; ++i) last = last->next;
  p->free_greens = last->next;
  p->free_count -= kFreeBatch;
  scheduler().arena->give_back(first, last, kFreeBatch);
}

}  // namespace

G* take_record(P* p) noexcept {
  if (p->free_greens == nullptr) [[unlikely]] {
    watch_exit(ExitPlace::FirstSpawn);
    p->free_greens = scheduler().arena->take(kFreeBatch, &p->free_count);
    if (p->free_greens == nullptr) return nullptr;
  }
  G* g = p->free_greens;
  p->free_greens = g->next;
  --p->free_count;
  return g;
}

void free_record(P* p, G* g) noexcept {
  g->next = p->free_greens;
  p->free_greens = g;
  if (++p->free_count > kFreeMax) [[unlikely]]
    spill_records(p);
}

void drop_extras(G* g) noexcept {
  if (g->name != nullptr) {
    g->join_lock.lock();  // a report may be reading it
    char* name = g->name;
    g->name = nullptr;
    g->join_lock.unlock();
    free(name);
  }
  if (g->last_error != nullptr) {
    free(g->last_error);
    g->last_error = nullptr;
  }
  // relaxed: whoever drops the last reference has seen everything (life: acquire).
  if (g->stop_state.load(std::memory_order_relaxed) != nullptr) [[unlikely]] {
    void* state = nullptr;
    const cw_abi_stop_ops* ops = g->stop_ops.load(std::memory_order_relaxed);
    {
      base::LockGuard guard(g->join_lock);
      state = g->stop_state.load(std::memory_order_relaxed);
      if (g->stop_users == 0) g->stop_state.store(nullptr, std::memory_order_relaxed);
      else g->stop_state_dead = true;
      if (g->stop_users != 0) state = nullptr;
    }
    if (state != nullptr) ops->destroy(state);
  }
}

void retire_record(G* g) noexcept {
  g->state.store(GState::Free, std::memory_order_relaxed);
  poison::record_freed(g);
  // release: a stale handle that reads the new generation does not read older fields. Even: not in use.
  g->generation.store(g->generation.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

bool count_green() noexcept {
  Scheduler& s = scheduler();
  if (s.options.max_green == 0) return true;
  if (s.green_count.fetch_add(1, std::memory_order_relaxed) < s.options.max_green) return true;
  s.green_count.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void uncount_green() noexcept {
  Scheduler& s = scheduler();
  if (s.options.max_green != 0) s.green_count.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace causeway::sched
