// SPDX-License-Identifier: MIT
//
// Callee-saved registers over a switch and over a pivot. A compiler uses few of them in a small test, so an assembly probe fills all
// of them, each with a number of its own: a register that is dropped, or swapped with another, shows by its number.
#include <doctest/doctest.h>

#include "tests/cpp/arch/probe.hpp"
#include "tests/cpp/arch/support.hpp"

namespace causeway::arch::test {
namespace {

TEST_CASE("the probe itself sees a register that changes") {
  // Without this a probe that compares nothing would pass every case below.
  const ProbeWords want = ProbeWords::pattern(1);
  for (std::uint64_t i = 0; i < cw_test_probe_words; ++i) {
    ProbeWords got = want;
    got.words[i] ^= 1;
    CHECK(first_difference(want, got) == static_cast<int>(i));
  }
  CHECK(cw_test_probe_words >= 6);
  CHECK(cw_test_probe_words <= kMaxProbeWords);
}

TEST_CASE("every callee-saved register survives a switch, in both contexts") {
  // Both sides hold patterns at the same time, and new ones each round: what one side finds can only be its own.
  int inside_difference = -1;
  int rounds_inside = 0;
  Context context([&](Context& self) {
    for (std::uint64_t round = 0; round < 20; ++round) {
      const ProbeWords in = ProbeWords::pattern(0x1000 + round);
      ProbeWords out;
      probe(as_target(cw_arch_switch), self.saved_slot(), *self.host_slot(), nullptr, in, out);
      if (inside_difference < 0) inside_difference = first_difference(in, out);
      ++rounds_inside;
    }
  });
  context.resume();
  for (std::uint64_t round = 0; round < 20; ++round) {
    const ProbeWords in = ProbeWords::pattern(0x2000 + round);
    ProbeWords out;
    probe(as_target(cw_arch_switch), context.host_slot(), context.saved(), nullptr, in, out);
    CHECK(first_difference(in, out) == -1);
  }
  CHECK(inside_difference == -1);
  CHECK(rounds_inside == 20);
  CHECK(context.done());
}

// Leaves other numbers in every callee-saved register while it runs, and suspends there when given a context.
void* disturb(void* argument) {
  const ProbeWords in = ProbeWords::pattern(0x3000);
  ProbeWords out;
  if (argument == nullptr) {
    probe([](void*, void*, void*) -> void* { return nullptr; }, nullptr, nullptr, nullptr, in, out);
  } else {
    auto& context = *static_cast<Context*>(argument);
    probe(as_target(cw_arch_switch), context.saved_slot(), *context.host_slot(), nullptr, in, out);
  }
  return to_pointer(static_cast<std::uintptr_t>(first_difference(in, out)) + 1);
}

TEST_CASE("every callee-saved register survives a pivot") {
  TestStack stack;
  const ProbeWords in = ProbeWords::pattern(0x4000);
  ProbeWords out;
  void* result = probe(as_target(cw_arch_pivot), stack.high(), reinterpret_cast<void*>(&disturb), nullptr, in, out);
  CHECK(result == nullptr);
  CHECK(first_difference(in, out) == -1);
}

#if !defined(CW_CPU_PORTABLE)
TEST_CASE("every callee-saved register survives a pivot that passes three words") {
  // The probe passes three arguments on and this call wants five: the last two come from here.
  static TestStack* other = nullptr;
  TestStack stack;
  other = &stack;
  static std::uint64_t got[3];
  const ProbeWords in = ProbeWords::pattern(0x4800);
  ProbeWords out;
  void* result = probe(
      [](void* a, void* b, void* c) -> void* {
        return to_pointer(cw_arch_pivot_words(to_number(a), to_number(b), to_number(c), other->high(),
                                              [](std::uint64_t x, std::uint64_t y, std::uint64_t z) -> std::uint64_t {
                                                got[0] = x, got[1] = y, got[2] = z;
                                                CHECK(other->contains(__builtin_frame_address(0)));
                                                return reinterpret_cast<std::uintptr_t>(disturb(nullptr)) + 0xFEDCBA9876543210u;
                                              }));
      },
      to_pointer(~std::uintptr_t{0}), to_pointer(2), to_pointer(std::uintptr_t{1} << 63), in, out);
  CHECK(to_number(result) == 0xFEDCBA9876543210u);
  CHECK(got[0] == ~std::uint64_t{0});
  CHECK(got[1] == 2);
  CHECK(got[2] == std::uint64_t{1} << 63);
  CHECK(first_difference(in, out) == -1);
}
#endif

TEST_CASE("every callee-saved register survives a pivot that is suspended meanwhile") {
  TestStack stack;
  int difference = 99;
  void* result = to_pointer(99);
  Context context([&](Context& self) {
    const ProbeWords in = ProbeWords::pattern(0x5000);
    ProbeWords out;
    result = probe(as_target(cw_arch_pivot), stack.high(), reinterpret_cast<void*>(&disturb), &self, in, out);
    difference = first_difference(in, out);
  });
  context.resume();
  CHECK(stack.contains(context.saved()));
  const ProbeWords in = ProbeWords::pattern(0x6000);
  ProbeWords out;
  probe(as_target(cw_arch_switch), context.host_slot(), context.saved(), nullptr, in, out);
  CHECK(first_difference(in, out) == -1);
  CHECK(context.done());
  CHECK(difference == -1);
  CHECK(result == nullptr);
}

// Values that the compiler holds in registers over a call that throws: the unwind tables of the pivot must bring them back.
[[gnu::noinline]] std::uint64_t sum_after_throw(void (*pivot)(const TestStack&), const TestStack& stack, std::uint64_t seed) {
  const std::uint64_t a = seed * 3, b = seed * 5, c = seed * 7, d = seed * 11, e = seed * 13, f = seed * 17;
  try {
    pivot(stack);
  } catch (int) { return a + b + c + d + e + f; }
  return 0;
}

[[gnu::noinline]] void throw_over_pivot(const TestStack& stack) {
  cw_arch_pivot(
      stack.high(),
      [](void*) -> void* {
        disturb(nullptr);
        throw 1;
      },
      nullptr);
  asm volatile("");  // the call is no jump: its caller has the handler
}

#if !defined(CW_CPU_PORTABLE)
[[gnu::noinline]] void throw_over_words(const TestStack& stack) {
  cw_arch_pivot_words(1, 2, 3, stack.high(), [](std::uint64_t, std::uint64_t, std::uint64_t) -> std::uint64_t {
    disturb(nullptr);
    throw 1;
  });
  asm volatile("");  // the call is no jump: its caller has the handler
}
#endif

TEST_CASE("values in registers survive an exception that passes a pivot") {
  TestStack stack;
  for (std::uint64_t seed = 1; seed < 5; ++seed) {
    CHECK(sum_after_throw(throw_over_pivot, stack, seed) == seed * (3 + 5 + 7 + 11 + 13 + 17));
#if !defined(CW_CPU_PORTABLE)
    CHECK(sum_after_throw(throw_over_words, stack, seed) == seed * (3 + 5 + 7 + 11 + 13 + 17));
#endif
  }
}

}  // namespace
}  // namespace causeway::arch::test
