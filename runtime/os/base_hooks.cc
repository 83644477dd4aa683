// SPDX-License-Identifier: MIT
//
// What base declares for the rows above it to fill.
#include "runtime/base/base.hpp"
#include "runtime/os/futex.hpp"
#include "runtime/os/membarrier.hpp"

namespace causeway::base {

void lock_word_wait(const std::atomic<uint32_t>& word, uint32_t expected, uint64_t timeout_ns) noexcept {
  os::futex_wait(word, expected, timeout_ns);
}
void lock_word_wake(const std::atomic<uint32_t>& word, int n) noexcept { os::futex_wake(word, n); }

bool asym_register() noexcept { return os::membarrier_register(); }
void asym_membarrier() noexcept { os::membarrier(); }

}  // namespace causeway::base
