// SPDX-License-Identifier: MIT
#include "runtime/base/asym.hpp"

namespace causeway::base::asym {

void detail::full_fence() noexcept {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"  // the tool does not model it; the processor obeys it, and that is what is wanted here
#endif
  std::atomic_thread_fence(std::memory_order_seq_cst);
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
}

Result<void> start(Mode mode) noexcept {
  bool fence = true;
  if (CW_TSAN == 0 && mode != Mode::Fence) {
    fence = !asym_register();
    if (fence && mode == Mode::Membarrier)
      return fail(CW_E_UNSUPPORTED,
                  "option barrier: this system has no membarrier(2), or a sandbox forbids it; use CW_BARRIER_AUTO or CW_BARRIER_FENCE");
  }
  // relaxed: INV-ASYM1; starting a thread publishes it.
  detail::fence_mode.store(fence, std::memory_order_relaxed);
  return {};
}

void heavy() noexcept {
  if (fence_mode()) detail::full_fence();
  else asym_membarrier();
}

}  // namespace causeway::base::asym
