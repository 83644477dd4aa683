// SPDX-License-Identifier: MIT
//
// Chooses the guard of each new slot and installs it: light where they work, else PROT_NONE within the budget, else only watched.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/stack/guard.hpp"

namespace causeway::stack {

class GuardMaker {
 public:
  void start(bool allow_light, uint32_t protect_budget, size_t guard_bytes) noexcept;

  // Closes the guards that end at each of `lows` and writes what each became to `kinds`. Returns how many of the first ones are
  // done; fewer than all: no memory, errno is kept.
  // Threads: any, for different slots. Blocks: never.
  size_t install(std::span<std::byte* const> lows, std::span<GuardKind> kinds) noexcept;

  // What a new slot gets now.
  GuardKind next_kind() const noexcept;
  bool any_watched() const noexcept { return any_watched_.load(std::memory_order_relaxed); }

 private:
  bool take_from_budget() noexcept;

  size_t guard_bytes_ = 0;
  bool light_ = false;
  std::atomic<uint32_t> protect_left_{0};  // relaxed: a count, it orders nothing
  // relaxed: set before a watched slot is handed to anybody, and what hands it over orders the flag too.
  std::atomic<bool> any_watched_{false};
};

}  // namespace causeway::stack
