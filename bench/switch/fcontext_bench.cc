// SPDX-License-Identifier: MIT
//
// Rows switch/*, the peer: one jump_fcontext of Boost.Context between two contexts that do nothing else. It is what
// boost::context::fiber and Boost.Fiber switch with. The loops and the three variants are those of switch_bench.cc.
#include "bench/common/bench.hpp"

#include <boost/context/detail/fcontext.hpp>

namespace {

using boost::context::detail::fcontext_t;
using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

struct Side {
  fcontext_t other = nullptr;
  std::uint64_t left = 0;
};

// Switches to the other side and back until `left` of them are done. Both contexts run this one copy.
[[gnu::noinline]] void bounce(Side& self) {
  for (; self.left != 0; --self.left) { self.other = jump_fcontext(self.other, nullptr).fctx; }
}

[[gnu::noinline]] void leave(Side& self) {
  self.other = jump_fcontext(self.other, nullptr).fctx;
  asm volatile("");
}

[[gnu::noinline]] void bounce_behind_call(Side& self) {
  for (; self.left != 0; --self.left) { leave(self); }
}

// The far side: never ends; the process ends while it is switched out.
void far_same(transfer_t transfer) {
  Side self{transfer.fctx, UINT64_MAX};
  bounce(self);
}

void far_behind_call(transfer_t transfer) {
  Side self{transfer.fctx, UINT64_MAX};
  bounce_behind_call(self);
}

void far_own(transfer_t transfer) {
  for (;;) { transfer = jump_fcontext(transfer.fctx, nullptr); }
}

struct Variant {
  std::string_view name;
  void (*near)(Side&);
  void (*far)(transfer_t);
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
  Side near{make_fcontext(high, kStack, variant->far), 0};
  near.other = jump_fcontext(near.other, nullptr).fctx;

  const double ns = bench::ns_per_round(
      run,
      [&](std::uint64_t switches) {
        near.left = switches / 2;
        variant->near(near);
      },
      2);
  bench::print(run, "boost.context", ns, 0, {{"loop_ns", bench::loop_ns() / variant->switches_per_turn}});
  return 0;
}
