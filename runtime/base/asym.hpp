// SPDX-License-Identifier: MIT
//
// Asymmetric fences: of the two sides of a store-load race the frequent one pays nothing and the rare one pays for both.
//
//   frequent side:  mine = 1;   light();   read theirs          rare side:  theirs = 1;   heavy();   read mine
//
// At least one of the two sees the other's store. In membarrier mode light() is a compiler barrier and heavy() a membarrier(2) that makes every
// running thread of the process pass a full barrier. In fence mode both are full fences: chosen where membarrier is missing, by
// option barrier=fence, and always in ThreadSanitizer builds.
//
// ThreadSanitizer models neither fences nor membarrier. Code whose plain data changes hands over such a race uses store_then_load() and the
// seq_cst helpers below: in fence mode every access of the race is seq_cst then, so that the order the tool sees is the order that holds.
//
//   INV-ASYM1  The mode changes only in start(), while no thread relies on it; before the first start() it is Fence, which is always right.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/base/config.h"
#include "runtime/base/result.hpp"

namespace causeway::base {

// Filled by runtime/os. asym_register: may membarrier be used from now on? It takes milliseconds when the process has threads.
bool asym_register() noexcept;
void asym_membarrier() noexcept;

namespace asym {

enum class Mode : uint8_t { Auto, Membarrier, Fence };

// Decides the mode, once per start of the runtime. Auto: membarrier where the system has it. Membarrier: CW_E_UNSUPPORTED where it has not,
// the mode then stays as it was. ThreadSanitizer builds take Fence, whatever is asked for.
//
// Needs:  no thread that relies on the mode (INV-ASYM1)
// Blocks: for milliseconds at worst, in the first call of the process
Result<void> start(Mode mode) noexcept;

namespace detail {
// relaxed everywhere: written before our threads are started, and before the phase of the runtime, at which threads of the host look first
// (acquire), says that it runs. One plain byte load.
inline constinit std::atomic<bool> fence_mode{true};
// A full fence that also TSan builds of gcc accept.
void full_fence() noexcept;
}  // namespace detail

// Signal-safe: yes
CW_ALWAYS_INLINE bool fence_mode() noexcept {
#if CW_TSAN
  return true;
#else
  return detail::fence_mode.load(std::memory_order_relaxed);
#endif
}

// The frequent side's fence: a compiler barrier and one predictable branch.                        Signal-safe: yes
CW_ALWAYS_INLINE void light() noexcept {
  if (fence_mode()) [[unlikely]] {
#if CW_TSAN
    detail::full_fence();
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);  // inline, so that nothing is spilled for it
#endif
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

// The rare side's fence: about 0.3 µs alone, 12 µs beside a running thread on a small VM; never on a request path.
// Signal-safe: yes
CW_COLD void heavy() noexcept;

// The whole frequent side: publishes `value` in `mine`, then reads `theirs`.
//   membarrier mode: release store, compiler barrier, acquire load (plain moves on x86-64)
//   fence mode:      seq_cst exchange and seq_cst load
// The release publishes what was written before; the acquire pairs with the rare side's release of `theirs`.
template <class T, class U>
CW_ALWAYS_INLINE U store_then_load(std::atomic<T>& mine, T value, const std::atomic<U>& theirs) noexcept {
  if (fence_mode()) [[unlikely]] {
    mine.exchange(value, std::memory_order_seq_cst);
    return theirs.load(std::memory_order_seq_cst);
  }
  mine.store(value, std::memory_order_release);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return theirs.load(std::memory_order_acquire);
}

// The whole rare side for one pair. `theirs` is the frequent side's `mine`. For a batch: set all words with seq_cst, heavy() once, then
// read all with load_after_heavy().
template <class T>
T load_after_heavy(const std::atomic<T>& theirs) noexcept {
  return theirs.load(std::memory_order_seq_cst);
}
template <class T, class U>
U store_heavy_load(std::atomic<T>& mine, T value, const std::atomic<U>& theirs) noexcept {
  mine.store(value, std::memory_order_seq_cst);
  heavy();
  return load_after_heavy(theirs);
}

}  // namespace asym

// What the lock-free kernels are built on in the product; the interleaving checker brings its own.
struct RealAtomics {
  template <class T>
  using atomic = std::atomic<T>;
  static CW_ALWAYS_INLINE void fence_seq_cst() noexcept {
#if CW_TSAN
    asym::detail::full_fence();
#else
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  }
  static CW_ALWAYS_INLINE void light() noexcept { asym::light(); }
  using FencePolled = void;  // crossing/gate.hpp
  static void heavy() noexcept { asym::heavy(); }
  template <class T, class U>
  static CW_ALWAYS_INLINE U store_then_load(std::atomic<T>& mine, T value, const std::atomic<U>& theirs) noexcept {
    return asym::store_then_load(mine, value, theirs);
  }
};

}  // namespace causeway::base
