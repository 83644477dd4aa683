// SPDX-License-Identifier: MIT
//
// Residency by mincore(2), a few pages at a time, so that it runs on a small stack and in a handler.
#include "runtime/stack/residency.hpp"

#include <sys/mman.h>

#include <cerrno>

#include "runtime/os/os.hpp"

namespace causeway::stack {
namespace {

constexpr size_t kPagesAtOnce = 64;

// Fills `in_memory` for `pages` pages from `low`; false if the kernel does not say. errno is kept: diagnostics run anywhere.
bool residency_of(const std::byte* low, size_t pages, unsigned char* in_memory) noexcept {
  const int saved_errno = errno;
  const bool ok = ::mincore(const_cast<std::byte*>(low), pages * os::page_size(), in_memory) == 0;
  errno = saved_errno;
  return ok;
}

}  // namespace

size_t high_water_bytes(Stack stack) noexcept {
  const size_t page = os::page_size();
  unsigned char in_memory[kPagesAtOnce];
  for (const std::byte* at = stack.low; at < stack.high;) {
    const size_t left = static_cast<size_t>(stack.high - at) / page;
    const size_t pages = left < kPagesAtOnce ? left : kPagesAtOnce;
    if (!residency_of(at, pages, in_memory)) return 0;
    for (size_t i = 0; i < pages; ++i) {
      if ((in_memory[i] & 1) != 0) return static_cast<size_t>(stack.high - (at + i * page));
    }
    at += pages * page;
  }
  return 0;
}

size_t resident_bytes(const void* low, size_t bytes) noexcept {
  const size_t page = os::page_size();
  unsigned char in_memory[kPagesAtOnce];
  const auto* at = static_cast<const std::byte*>(low);
  size_t resident = 0;
  for (size_t left = (bytes + page - 1) / page; left > 0;) {
    const size_t pages = left < kPagesAtOnce ? left : kPagesAtOnce;
    if (!residency_of(at, pages, in_memory)) return resident;
    for (size_t i = 0; i < pages; ++i) resident += (in_memory[i] & 1) != 0 ? page : 0;
    at += pages * page;
    left -= pages;
  }
  return resident;
}

}  // namespace causeway::stack
