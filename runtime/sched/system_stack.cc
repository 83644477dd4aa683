// SPDX-License-Identifier: MIT
#include "runtime/sched/system_stack.hpp"

#include <signal.h>

#include "runtime/sched/foreign.hpp"
#include "runtime/sched/scheduler.hpp"

namespace causeway::sched {

namespace {

constexpr uintptr_t kGuessBelow = 32 << 10, kGuessAbove = 1 << 10;
constexpr uintptr_t kFrames = 8 << 10;  // between a guess and a call further down on the same stack: frames of C
constexpr uintptr_t kReserve = 64 << 10;

void use(M* m, const HostRange& range) noexcept {
  const uintptr_t bytes = range.high - range.low;
  m->host_before = m->host;
  m->host = HostWindow{range.low, bytes, !range.proven() ? 0 : bytes / 4 < kReserve ? bytes / 4 : kReserve, range.how};
}

[[noreturn]] void out_of_bounds(const M* m, uintptr_t sp, const char* why) noexcept {
  base::TextBuffer<512> text;
  text.append("M ").append_dec(m->id).append(" thread ").append_dec(static_cast<uint64_t>(os::thread_id()));
  text.append(" call in: sp=0x").append_hex(sp);
  text.append(" outside [0x").append_hex(m->host.low).append(", 0x").append_hex(m->host.low + m->host.bytes).append("]: ").append(why);
  base::fatal(base::FatalId::StackOutOfBounds, text.view());
}

bool on_alternate_stack(uintptr_t sp) noexcept {
  stack_t now{};
  if (sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) != 0) return false;
  const auto low = reinterpret_cast<uintptr_t>(now.ss_sp);
  return sp >= low && sp - low < now.ss_size;
}

// Is sp on the stack of the green thread that called out? Then it is between that stack and C's: only a signal handler calls from there.
bool on_stack_of(uintptr_t anchor, uintptr_t sp) noexcept {
  const ForeignCall call;
  if (anchor <= crossing::kIdleAnchor || !call.ok()) return false;
  // By its saved sp: the call may have gone elsewhere just now, and be ending there.
  const stack::Lookup here = scheduler().stacks.lookup(sp);
  const stack::Lookup there = scheduler().stacks.lookup(green_of(anchor)->out.place());
  return here.found && there.found && here.stack.low == there.stack.low;
}

// INV-SS1
cw_status refuse_foreign_territory(const M* m, uintptr_t sp, uintptr_t anchor) noexcept {
  const ForeignCall call;
  if (!call.ok()) return CW_OK;  // nothing of ours is there
  Scheduler& s = scheduler();
  const stack::Lookup green = s.stacks.lookup(sp);
  if (on_stack_of(anchor, sp)) return CW_E_ASYNC;
  if (green.found && green.bound) out_of_bounds(m, sp, "it is the stack of a green thread; call C functions by cw_call or causeway::call");
  const uint32_t workers = s.m_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < workers; ++i) {
    const M* each = s.ms[i];
    if (each != m && !each->ended.load(std::memory_order_acquire) && sp >= each->stack_low && sp < each->stack_high)
      out_of_bounds(m, sp, "it is the stack of one of the runtime's own threads");
  }
  if (foreign::own_stack_of_another(m, sp)) out_of_bounds(m, sp, "it is the stack of another thread, which calls in as well");
  return CW_OK;
}

bool find_learned(HostStacks& stacks, uintptr_t sp, HostRange* out) noexcept {
  for (uint32_t i = 0; i < stacks.used; ++i) {
    if (!stacks.learned[i].holds(sp)) continue;
    *out = stacks.learned[i];
    return true;
  }
  return false;
}

// A guess that overlaps an earlier one, or is just below it, is about the same stack.
void learn(M* m, HostRange& range) noexcept {
  HostStacks& stacks = m->stacks;
  if (range.how == KnownBy::Guess) {
    for (uint32_t i = 0; i < stacks.used; ++i) {
      HostRange& old = stacks.learned[i];
      if (old.how != KnownBy::Guess || old.high <= range.low || old.low >= range.high + kFrames) continue;
      if (range.low < old.low) old.low = range.low;
      if (range.high > old.high) old.high = range.high;
      range = old;
      return;
    }
  }
  P::count(m->stacks_learned);
  uint32_t at = stacks.used;
  if (at < HostStacks::kLearned) {
    ++stacks.used;
  } else {
    at = stacks.oldest;
    stacks.oldest = (stacks.oldest + 1) % HostStacks::kLearned;
  }
  stacks.learned[at] = range;
}

bool find_own(M* m, uintptr_t sp, HostRange* out) noexcept {
  HostStacks& stacks = m->stacks;
  if (!stacks.thread_asked) {
    stacks.thread_asked = true;
    uintptr_t low = 0, high = 0;
    if (os::thread_stack_bounds(&low, &high)) {
      stacks.thread_low.store(low, std::memory_order_relaxed);
      stacks.thread_high.store(high, std::memory_order_relaxed);
    }
  }
  *out = HostRange{stacks.thread_low.load(std::memory_order_relaxed), stacks.thread_high.load(std::memory_order_relaxed), KnownBy::Thread};
  return out->holds(sp);
}

}  // namespace

cw_status update_system_stack(M* m, uintptr_t sp, uintptr_t anchor) noexcept {
  const bool nested = anchor != crossing::kIdleAnchor;
  HostStacks& stacks = m->stacks;
  if (m->host.holds(sp)) return CW_OK;
  if (nested && scheduler().options.strict_stacks) {
    if (on_alternate_stack(sp) || on_stack_of(anchor, sp)) return CW_E_ASYNC;
    out_of_bounds(m, sp, "the stack was changed below a call that a green thread made, and stack_policy is strict");
  }
  HostRange found;
  const uint64_t generation = declared_stacks::generation();
  const bool outdated = stacks.generation != generation;
  if (outdated) {
    stacks.used = stacks.oldest = 0;
    m->host_before = HostWindow{};
    stacks.generation = generation;
  }
  // Before anything that a handler may not do. Once per stack that is not learned: the ranges below are never an alternate stack's.
  if (!find_learned(stacks, sp, &found)) {
    if (!stacks.not_alternate && on_alternate_stack(sp)) return CW_E_ASYNC;
    stacks.not_alternate = false;
    if (!declared_stacks::find(sp, &found) && !find_own(m, sp, &found)) {
      if (const cw_status status = refuse_foreign_territory(m, sp, anchor); status != CW_OK) return status;
      found = HostRange{sp > kGuessBelow ? sp - kGuessBelow : 0, sp + kGuessAbove, KnownBy::Guess};
    }
    learn(m, found);
  }
  if (nested) P::count(m->stacks_accepted);
  use(m, found);
  if (outdated) m->host_before = HostWindow{};
  return CW_OK;
}

void drop_undeclared(M* m) noexcept {
  if (m->host.how == KnownBy::Declared && m->stacks.generation != declared_stacks::generation()) use(m, HostRange{});
}

void use_own_stack(M* m, uintptr_t low, uintptr_t high) noexcept {
  HostStacks& stacks = m->stacks;
  stacks.used = stacks.oldest = 0;
  stacks.generation = 0;
  stacks.thread_asked = true;
  stacks.thread_low.store(low, std::memory_order_relaxed);
  stacks.thread_high.store(high, std::memory_order_relaxed);
  use(m, HostRange{low, high, KnownBy::Thread});
}

void forget_stacks(M* m) noexcept {
  HostStacks& stacks = m->stacks;
  stacks.used = stacks.oldest = 0;
  stacks.thread_asked = stacks.not_alternate = false;
  stacks.thread_low.store(0, std::memory_order_relaxed);
  stacks.thread_high.store(0, std::memory_order_relaxed);
  use(m, HostRange{});
  m->host_before = HostWindow{};
}

}  // namespace causeway::sched
