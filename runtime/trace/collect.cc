// SPDX-License-Identifier: MIT
//
// look() and copy() run with the world stopped: no allocation, no lock that is waited for.
#include "runtime/trace/collect.hpp"

#include <cstring>
#include <new>

namespace causeway::trace {

namespace {

using sched::G;

constexpr uint64_t kStopNs = 1'000'000'000;
constexpr size_t kStepsEach = 24, kSpare = 1024;  // for the first try: of most green threads, and for those that are born meanwhile
constexpr int kTries = 5;

void copy_name(const G* g, GreenCopy* to) noexcept {
  base::Lock& lock = const_cast<G*>(g)->join_lock;
  if (!lock.try_lock()) return;
  if (g->name != nullptr) std::strncpy(to->name, g->name, sizeof to->name - 1);
  lock.unlock();
}

int thread_of(const G* g) noexcept {
  const sched::M* m = g->m;
  return g->lock_depth != 0 && m != nullptr ? m->tid.load(std::memory_order_relaxed) : 0;
}

}  // namespace

Collection::~Collection() { free(); }

void Collection::free() noexcept {
  if (memory_ != nullptr) static_cast<void>(os::unmap(memory_, bytes_));
  memory_ = nullptr;
}

bool Collection::reserve(size_t greens, size_t steps) noexcept {
  free();
  const size_t page = os::page_size();
  bytes_ = (sizeof(RuleCache) + greens * sizeof(GreenCopy) + steps * sizeof(Step) + page - 1) / page * page;
  memory_ = static_cast<std::byte*>(os::map_reserve(bytes_));
  if (memory_ == nullptr) return false;
  // Zero pages are what all three begin with.
  cache_ = std::launder(reinterpret_cast<RuleCache*>(memory_));
  greens_ = std::launder(reinterpret_cast<GreenCopy*>(memory_ + sizeof(RuleCache)));
  steps_ = std::launder(reinterpret_cast<Step*>(memory_ + sizeof(RuleCache) + greens * sizeof(GreenCopy)));
  green_room_ = greens;
  step_room_ = steps;
  return true;
}
static_assert(alignof(RuleCache) <= 16 && sizeof(RuleCache) % alignof(GreenCopy) == 0 && sizeof(GreenCopy) % alignof(Step) == 0);

void Collection::copy(const G* g, const WalkOptions& options) noexcept {
  if (n_ == green_room_) {
    ++left_out_;
    return;
  }
  GreenCopy& to = *new (&greens_[n_]) GreenCopy;
  to.id = g->id;
  to.state = g->state.load(std::memory_order_relaxed);
  to.spawned_by = g->spawned_by;
  to.spawned_at = g->spawned_at;
  to.waits_for = g->waits_for.load(std::memory_order_relaxed);
  to.waits_at = g->waits_at.load(std::memory_order_relaxed);
  to.waits_since = g->waits_since;
  to.callback = g->in.active;
  if (const G* outer = sched::outer_of(g)) to.outer_id = outer->id;
  to.in_c = g->out.in_c() && g->out.c_sp != 0;
  to.function = g->out.function;
  to.locked_to = thread_of(g);
  copy_name(g, &to);
  to.first = static_cast<uint32_t>(step_n_);
  Steps steps;
  steps.at = steps_ + step_n_;
  const size_t room = step_room_ - step_n_;
  steps.room = static_cast<uint32_t>(room < kMostSteps ? room : kMostSteps);
  // Not one that has not run yet: its stack is bound later.
  if (g->stack.high != nullptr) walk_green(g, &steps, options);
  if (steps.cut && room < kMostSteps) {
    ++left_out_;
    return;
  }
  to.cut = steps.cut;
  to.n = steps.n;
  step_n_ += steps.n;
  ++n_;
}

void Collection::look(Memory::Trust trust) noexcept {
  n_ = step_n_ = 0;
  left_out_ = 0;
  const RacyReads racy(trust);
  const WalkOptions options{trust, cache_};
  const sched::Arena* arena = sched::scheduler().arena;
  for (uint32_t i = 0, used = arena->used(); i < used; ++i) {
    const G* g = arena->at(i);
    if (g == nullptr || !sched::in_progress(g) || (wanted_ != kEverybody && g->id != wanted_)) continue;
    copy(g, options);
  }
}

cw_status Collection::collect(uint64_t id) noexcept {
  const sched::ForeignCall call;  // the runtime stays
  if (!call.ok()) return CW_E_NOT_READY;
  wanted_ = id;
  size_t greens = id != kEverybody ? 1 : sched::scheduler().arena->used() + kSpare;
  size_t steps = id != kEverybody ? kMostSteps + 1 : greens * kStepsEach;
  cw_status status = CW_E_NOMEM;
  for (int tries = 0; tries < kTries; ++tries, greens *= 2, steps *= 2) {
    if (!reserve(greens, steps)) {
      if (greens < kSpare || tries + 1 == kTries) return CW_E_NOMEM;
      greens /= 4;  // with less, and the rest is left out
      steps /= 4;
      continue;
    }
    late_.clear();
    status = world::run(kStopNs, [](void* self) { static_cast<Collection*>(self)->look(Memory::Trust::Bounds); }, this, &late_);
    if (status == CW_E_TIMEOUT) look(Memory::Trust::Shy);
    else if (status != CW_OK) return status;
    taken_ns_ = os::now_ns();
    if (left_out_ == 0) break;
  }
  return status;
}

}  // namespace causeway::trace
