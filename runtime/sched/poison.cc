// SPDX-License-Identifier: MIT
#include "runtime/sched/poison.hpp"

#include <cstdint>
#include <cstring>

#include "runtime/os/os.hpp"
#include "runtime/sched/green.hpp"

#if CW_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace causeway::sched::poison {

namespace {

constexpr uint64_t kWord = 0xdbdbdbdbdbdbdbdbULL;

template <class T>
T* pattern() noexcept {
  return reinterpret_cast<T*>(static_cast<uintptr_t>(kWord));
}

[[noreturn]] void report(const char* what, const void* at) noexcept {
  base::TextBuffer<160> text;
  text.append(what);
  text.append(" was written after it was freed, at 0x");
  text.append_hex(reinterpret_cast<uintptr_t>(at));
  base::fatal(base::FatalId::Invariant, text.view());
}

// The first byte of [at, at + bytes) that differs from `byte`, or null.
const std::byte* first_other(const std::byte* at, size_t bytes, unsigned char byte) noexcept {
  const std::byte* const end = at + bytes;
  uint64_t word;
  std::memset(&word, byte, sizeof word);
  for (; end - at >= 8; at += 8) {
    uint64_t here;
    std::memcpy(&here, at, sizeof here);
    if (here != word) break;
  }
  for (; at != end; ++at)
    if (*at != std::byte{byte}) return at;
  return nullptr;
}

}  // namespace

namespace detail {

void fill(void* at, size_t bytes) noexcept {
#if CW_ASAN
  ASAN_UNPOISON_MEMORY_REGION(at, bytes);  // frames that were left without returning
#endif
  std::memset(at, kByte, bytes);
  asm volatile("" : : "r"(at) : "memory");
}

}  // namespace detail

bool untouched(const void* at, size_t bytes) noexcept {
  const auto* from = static_cast<const std::byte*>(at);
  return first_other(from, bytes, kByte) == nullptr || first_other(from, bytes, 0) == nullptr;
}

void stack_freed(stack::Stack stack) noexcept {
  if (!on()) return;
  const size_t used = stack::high_water_bytes(stack);
  if (used != 0) detail::fill(stack.high - used, used);
}

void stack_taken(stack::Stack stack) noexcept {
  if (!on()) return;
  const size_t page = os::page_size();
  const size_t used = stack::high_water_bytes(stack);
  for (const std::byte* at = stack.high - used; at < stack.high; at += page) {
    const std::byte* other = first_other(at, page, kByte);
    if (other != nullptr && first_other(at, page, 0) != nullptr) report("the stack of an ended green thread", other);
  }
}

void record_freed(G* g) noexcept {
  if (!on()) return;
  detail::fill(g->payload, sizeof g->payload);
  g->ops = pattern<const cw_abi_task_ops>();
  g->sp = pattern<void>();
}

void record_taken(const G* g) noexcept {
  if (!on()) return;
  if (!untouched(g->payload, sizeof g->payload)) {
    const std::byte* other = first_other(g->payload, sizeof g->payload, kByte);
    report("the closure or result of a green thread", other);
  }
  const bool fresh = g->ops == nullptr && g->sp == nullptr;
  if (!fresh && (g->ops != pattern<const cw_abi_task_ops>() || g->sp != pattern<void>()))
    report("the record of a green thread", g->ops != pattern<const cw_abi_task_ops>() ? static_cast<const void*>(&g->ops) : &g->sp);
}

}  // namespace causeway::sched::poison
