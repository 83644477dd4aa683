// SPDX-License-Identifier: MIT
//
// Rows switch/*, ours: one switch of the CPU layer between two contexts that do nothing else.
//
// Isolates cw_arch_switch: callee-saved registers, floating-point control words, two stacks that stay in the first-level cache.
// Excludes the scheduler, the exception state that the scheduler moves, and cold stacks. Its peer is fcontext_bench.cc, which has
// the same loops over Boost.Context.
//
//   one-caller   both contexts switch from the same place in the code, as green threads do: the scheduler has one such place. A
//                return then lands where the return predictor expects it.
//   behind-call  the same, but the switch is called by a function that is not inlined and returns to a loop, as park() does: so the
//                price of the first return after a switch is counted, too
//   two-callers  each context switches from its own place: a return always lands elsewhere. What a hand-written pair pays.
#include "bench/common/bench.hpp"

#include "arch/arch.hpp"

namespace {

struct Side {
  void* sp = nullptr;
  Side* other = nullptr;
  std::uint64_t left = 0;  // switches until this side ends its run
};

// Switches to the other side and back until `left` of them are done. Both contexts run this one copy.
[[gnu::noinline]] void bounce(Side& self) {
  for (; self.left != 0; --self.left) { cw_arch_switch(&self.sp, self.other->sp, nullptr); }
}

// The one place of behind-call; the empty statement keeps the compiler from jumping to the switch instead of calling it.
[[gnu::noinline]] void leave(Side& self) {
  cw_arch_switch(&self.sp, self.other->sp, nullptr);
  asm volatile("");
}

[[gnu::noinline]] void bounce_behind_call(Side& self) {
  for (; self.left != 0; --self.left) { leave(self); }
}

// The far side: never ends; the process ends while it is switched out.
void far_same(void* value) {
  Side& self = *static_cast<Side*>(value);
  self.left = UINT64_MAX;
  bounce(self);
}

void far_behind_call(void* value) {
  Side& self = *static_cast<Side*>(value);
  self.left = UINT64_MAX;
  bounce_behind_call(self);
}

void far_own(void* value) {
  Side& self = *static_cast<Side*>(value);
  for (;;) { cw_arch_switch(&self.sp, self.other->sp, nullptr); }
}

struct Variant {
  std::string_view name;
  void (*near)(Side&);
  void (*far)(void*);
  int switches_per_turn;  // how many switches share one turn of a counting loop
};

constexpr Variant kVariants[] = {
    {"one-caller", &bounce, &far_same, 1},
    {"behind-call", &bounce_behind_call, &far_behind_call, 1},
    {"two-callers", &bounce, &far_own, 2},
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Run run = bench::parse(argc, argv);
  const Variant* variant = nullptr;
  for (const Variant& candidate : kVariants) {
    if (candidate.name == run.variant) { variant = &candidate; }
  }
  if (run.subject != "switch" || variant == nullptr) { bench::unknown_row(run); }
  constexpr std::size_t kStack = 64 * 1024;
  std::vector<std::byte> stack(kStack + 16);
  auto* high = stack.data() + kStack;
  high -= reinterpret_cast<std::uintptr_t>(high) % 16;
  Side near;
  Side far{causeway::arch::prepare(high, variant->far), &near};
  near.other = &far;
  cw_arch_switch(&near.sp, far.sp, &far);  // the first entry has its argument

  const double ns = bench::ns_per_round(
      run,
      [&](std::uint64_t switches) {
        near.left = switches / 2;
        variant->near(near);
      },
      2);
  bench::print(run, "causeway", ns, 0, {{"loop_ns", bench::loop_ns() / variant->switches_per_turn}});
  return 0;
}
