// SPDX-License-Identifier: MIT
//
// What is known of the C stacks that calls come on: the ranges that the process declared, and those that one thread was seen on.
//
// All of it is hints but for the proven ones (declared, a thread's own): nothing is read, and nothing refused, because of a learned range. A host
// may free a stack and another thread may get its addresses at any time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/base/base.hpp"

namespace causeway::sched {

enum class KnownBy : uint8_t {
  Guess,     // [sp - 32 KiB, sp + 1 KiB] of some call
  Thread,    // the thread's own stack, by pthread or by ourselves
  Declared,  // cw_stack_declare
};

struct HostRange {
  uintptr_t low = 0, high = 0;
  KnownBy how = KnownBy::Guess;

  bool holds(uintptr_t sp) const noexcept { return sp >= low && sp < high; }
  bool proven() const noexcept { return how != KnownBy::Guess; }
};

// The range in use, as the checks of a call want it.
struct HostWindow {
  uintptr_t low = 0, bytes = 0;
  uintptr_t scarce = 0;  // so many of them, the lowest, are too few to call on; 0 where the range is not proven
  KnownBy how = KnownBy::Guess;

  CW_ALWAYS_INLINE bool holds(uintptr_t sp) const noexcept { return sp - low < bytes; }
};

// Of one M; owner only.
struct HostStacks {
  static constexpr uint32_t kLearned = 64;

  HostRange learned[kLearned];
  uint32_t used = 0, oldest = 0;
  uint64_t generation = 0;                               // of the declared ranges, when `learned` was filled
  bool not_alternate = false;                            // the next look need not ask whether sp is on the alternate stack
  bool thread_asked = false;                             // the thread's own stack was asked for, and
  std::atomic<uintptr_t> thread_low{0}, thread_high{0};  // is this, or not to be had (0). relaxed: others take it for a hint
};

namespace declared_stacks {

// Errors: CW_E_INVALID, CW_E_DUPLICATE, CW_E_NOMEM.
base::Result<void> declare(uintptr_t low, size_t bytes) noexcept;
// Needs: declared. Takes the range that begins there back.
void undeclare(uintptr_t low) noexcept;
// The declared range that holds sp. Blocks: for a short lock.
bool find(uintptr_t sp, HostRange* out) noexcept;
namespace detail {
inline constinit std::atomic<uint64_t> generation{1};
}  // namespace detail
// Changes with each declare and undeclare.
inline uint64_t generation() noexcept { return detail::generation.load(std::memory_order_acquire); }

}  // namespace declared_stacks
}  // namespace causeway::sched
