// SPDX-License-Identifier: MIT
#include "bridge/capi/handle_holds.hpp"

#include <algorithm>
#include <atomic>
#include <new>

#include "runtime/os/os.hpp"

namespace causeway::capi {

namespace {

// Holder ids: of a green thread even, of a thread odd.
uint64_t id_of(const sched::G* g) noexcept { return g->id << 1; }
uint64_t id_of_this_thread() noexcept { return reinterpret_cast<uintptr_t>(os::thread_words()) << 1 | 1; }
bool is_thread(uint64_t holder) noexcept { return (holder & 1) != 0; }

bool is_or_is_above(const sched::G* g, uint64_t holder) noexcept {
  for (; g != nullptr; g = sched::outer_of(g))
    if (holder == id_of(g)) return true;
  return false;
}

struct Eras {
  std::atomic<uint32_t> now{0};  // release: the fields below; pairs with the acquire in drop_gone()
  // --- written by a forked child's only thread ---
  uint32_t fork = 0;          // began with the last fork
  uint64_t forker = 0;        // by this thread
  uint32_t forker_since = 0;  // whose holds are kept from this era on: before that, its words were maybe another thread's
  // --- by the restart too; relaxed: see `now`, and who sees them early forgets early ---
  std::atomic<const sched::G*> below{nullptr};  // the innermost green thread that the forker was in C of; records are never freed
  std::atomic<uint32_t> restart{0};             // began with the last restart
};
constinit Eras eras;

// Who held in era `since` is here still.
bool is_here(uint64_t holder, uint32_t since) noexcept {
  if (is_thread(holder)) return since >= eras.fork || (holder == eras.forker && since >= eras.forker_since);
  const uint32_t restart = eras.restart.load(std::memory_order_relaxed);
  if (since >= std::max(eras.fork, restart)) return true;
  return since >= restart && is_or_is_above(eras.below.load(std::memory_order_relaxed), holder);
}

}  // namespace

Holding::Holding() noexcept : era(eras.now.load(std::memory_order_acquire)) {}

void Holding::drop_gone() noexcept {
  const uint32_t now = eras.now.load(std::memory_order_acquire);
  if (era == now) [[likely]]
    return;
  for (Hold* hold = holds; hold != nullptr; hold = hold->next)
    if (hold->count != 0 && !is_here(hold->holder, era)) hold->count = 0;
  if (era < eras.fork) releasing = nullptr;  // its pin stays, and the slot with it
  era = now;
}

bool Holding::add(uint64_t holder) noexcept {
  Hold* free = nullptr;
  for (Hold* hold = holds; hold != nullptr; hold = hold->next) {
    if (hold->count != 0 && hold->holder == holder) {
      ++hold->count;
      return true;
    }
    if (hold->count == 0) free = hold;
  }
  if (free == nullptr) {
    free = new (std::nothrow) Hold{holds, 0, 0};
    if (free == nullptr) return false;
    holds = free;
  }
  free->holder = holder;
  free->count = 1;
  return true;
}

Hold* Holding::find(uint64_t holder) const noexcept {
  for (Hold* hold = holds; hold != nullptr; hold = hold->next)
    if (hold->count != 0 && hold->holder == holder) return hold;
  return nullptr;
}

Hold* Holding::any() const noexcept {
  for (Hold* hold = holds; hold != nullptr; hold = hold->next)
    if (hold->count != 0) return hold;
  return nullptr;
}

void Holding::free_all() noexcept {
  for (Hold* hold = holds; hold != nullptr;) {
    Hold* const next = hold->next;
    delete hold;
    hold = next;
  }
  holds = nullptr;
}

Caller::Caller() noexcept : g(sched::callees::caller()), thread(id_of_this_thread()) {}

uint64_t Caller::id() const noexcept { return g != nullptr ? id_of(g) : thread; }

bool Caller::is_or_waits_below(uint64_t holder) const noexcept { return holder == thread || is_or_is_above(g, holder); }

void forget_holds_in_child() noexcept {
  const uint32_t before = eras.now.load(std::memory_order_relaxed);
  const Caller caller;
  if (caller.thread != eras.forker) eras.forker_since = eras.fork;
  eras.forker = caller.thread;
  eras.below.store(caller.g, std::memory_order_relaxed);
  eras.fork = before + 1;
  eras.now.store(before + 1, std::memory_order_release);
}

void forget_holds_of_greens() noexcept {
  const uint32_t next = eras.now.load(std::memory_order_relaxed) + 1;
  eras.below.store(nullptr, std::memory_order_relaxed);
  eras.restart.store(next, std::memory_order_relaxed);
  eras.now.store(next, std::memory_order_release);
}

}  // namespace causeway::capi
