// SPDX-License-Identifier: MIT
//
// Guards for new slots, by the best means that is left.
#include "runtime/stack/guard_maker.hpp"

#include "runtime/base/base.hpp"
#include "runtime/os/os.hpp"

namespace causeway::stack {

void GuardMaker::start(bool allow_light, uint32_t protect_budget, size_t guard_bytes) noexcept {
  guard_bytes_ = guard_bytes;
  light_ = allow_light && probe_light_guards();
  // relaxed, both: no other thread has the pool yet.
  protect_left_.store(protect_budget, std::memory_order_relaxed);
  any_watched_.store(false, std::memory_order_relaxed);
}

size_t GuardMaker::install(std::span<std::byte* const> lows, std::span<GuardKind> kinds) noexcept {
  CW_DCHECK(lows.size() == kinds.size() && lows.size() <= kGuardBatch, "guards are installed in small batches");
  if (light_) {
    std::byte* guards[kGuardBatch];
    for (size_t i = 0; i < lows.size(); ++i) guards[i] = lows[i] - guard_bytes_;
    const size_t done = install_light_guards({guards, lows.size()}, guard_bytes_);
    for (size_t i = 0; i < done; ++i) kinds[i] = GuardKind::Light;
    return done;
  }
  for (size_t i = 0; i < lows.size(); ++i) {
    if (!take_from_budget()) {
      any_watched_.store(true, std::memory_order_relaxed);
      kinds[i] = GuardKind::Watch;
      continue;
    }
    if (!os::protect_none(lows[i] - guard_bytes_, guard_bytes_)) return i;
    kinds[i] = GuardKind::Protect;
  }
  return lows.size();
}

GuardKind GuardMaker::next_kind() const noexcept {
  if (light_) return GuardKind::Light;
  return protect_left_.load(std::memory_order_relaxed) > 0 ? GuardKind::Protect : GuardKind::Watch;
}

bool GuardMaker::take_from_budget() noexcept {
  // relaxed: a number that several class pools share; it orders nothing.
  uint32_t left = protect_left_.load(std::memory_order_relaxed);
  while (left > 0 && !protect_left_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) {}
  return left > 0;
}

}  // namespace causeway::stack
