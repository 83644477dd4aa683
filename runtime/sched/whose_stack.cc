// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers.
#include "runtime/sched/whose_stack.hpp"

#include "runtime/sched/record.hpp"

namespace causeway::sched {

const G* green_on_stack(const std::byte* low) noexcept {
  // Mostly the one that this thread runs.
  const M* m = this_m();
  if (m != nullptr && m->current != nullptr && m->current->stack.low == low) return m->current;
  const uint32_t used = scheduler().arena->used();
  for (uint32_t i = 0; i < used; ++i) {
    const G* g = scheduler().arena->at(i);
    if (g != nullptr && g->stack.low == low && g->state.load(std::memory_order_relaxed) != GState::Free) return g;
  }
  return nullptr;
}

void describe_owner(const stack::GuardHit& hit, stack::OwnerText& text) noexcept {
  const G* g = green_on_stack(hit.stack.low);
  if (g != nullptr) append_identity(text, g);
  else text.append("?");
}

namespace {

// The guard of a worker's stack is a page or a few; C code without stack-clash probes may touch a little further down.
constexpr uintptr_t kBelowStack = 64 << 10;

}  // namespace

bool describe_system_stack(uintptr_t address, stack::OverflowText& text) noexcept {
  Scheduler& s = scheduler();
  const uint32_t count = s.m_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < count; ++i) {
    const M* m = s.ms[i];
    if (m->ended.load(std::memory_order_acquire) || address >= m->stack_low || m->stack_low - address > kBelowStack) continue;
    const uintptr_t anchor = m->gate.anchor();
    const G* g = anchor > crossing::kIdleAnchor ? green_of(anchor) : m->current;
    if (g != nullptr && !g->is_system) {
      text.append("green thread ");
      append_identity(text, g);
      text.append(": the C code that it called");
    } else {
      text.append("code of the runtime");
    }
    text.append(" has used up a worker's system stack of ")
        .append_dec((m->stack_high - m->stack_low) >> 10)
        .append(" KiB [0x")
        .append_hex(m->stack_low);
    text.append(", 0x").append_hex(m->stack_high).append("), fault at 0x").append_hex(address);
    text.append("; raise option system_stack_size, or look for endless recursion");
    return true;
  }
  return false;
}

}  // namespace causeway::sched
