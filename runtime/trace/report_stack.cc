// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers.
#include "runtime/trace/report_stack.hpp"

#include <atomic>
#include <cstddef>

#include "runtime/crossing/crossing.hpp"

namespace causeway::trace {

namespace {

constexpr size_t kBytes = 128 * 1024;
alignas(4096) std::byte stack[kBytes];
std::atomic<bool> taken{false};

struct Job {
  void (*fn)(void*) noexcept;
  void* argument;
};

void* run(void* job) {
  const Job& each = *static_cast<Job*>(job);
  each.fn(each.argument);
  return nullptr;
}

}  // namespace

bool run_on_report_stack(void (*fn)(void*) noexcept, void* argument) noexcept {
  // acquire, release: the stack's bytes are one owner's after the other's.
  if (taken.exchange(true, std::memory_order_acquire)) return false;
  Job job{fn, argument};
  crossing::pivot(reinterpret_cast<uintptr_t>(stack), stack + kBytes, &run, &job);
  taken.store(false, std::memory_order_release);
  return true;
}

void forget_report_stack_in_child() noexcept { taken.store(false, std::memory_order_relaxed); }  // relaxed: there is one thread

}  // namespace causeway::trace
