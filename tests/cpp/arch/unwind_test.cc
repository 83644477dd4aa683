// SPDX-License-Identifier: MIT
//
// Unwind tables (INV-AR2): a walk ends at the first frame of a context, and goes on over a pivot. A walk that is wrong goes in
// circles, runs off the mapping, or stops short; the cases look for functions by their start address.
#include <doctest/doctest.h>

#include "tests/cpp/arch/support.hpp"

namespace causeway::arch::test {
namespace {

// Keeps a call from becoming a jump, which would take its function out of every backtrace.
#define CW_KEEP_FRAME asm volatile("" ::: "memory")

Backtrace taken;

void* take_backtrace(void*) {
  taken = backtrace_here();
  CW_KEEP_FRAME;
  return nullptr;
}

[[gnu::noinline]] void innermost_pivot(void* stack_high) {
  cw_arch_pivot(stack_high, take_backtrace, nullptr);
  CW_KEEP_FRAME;
}

void* middle(void* stack_high) {
  innermost_pivot(stack_high);
  CW_KEEP_FRAME;
  return nullptr;
}

[[gnu::noinline]] void outermost_pivot(void* stack_high, void* next_stack_high) {
  cw_arch_pivot(stack_high, middle, next_stack_high);
  CW_KEEP_FRAME;
}

TEST_CASE("a backtrace shows the functions on both sides of a pivot") {
  TestStack stacks[2];
  // Both orders: the second hop goes up in one and down in the other.
  for (const int first : {0, 1}) {
    taken = {};
    outermost_pivot(stacks[first].high(), stacks[1 - first].high());
    CHECK(taken.end == _URC_END_OF_STACK);
    CHECK(taken.functions.size() < kMaxFrames);
    CHECK(taken.count(take_backtrace) == 1);
    const std::size_t expected = kUnwindsOverPivot ? 1 : 0;
    CHECK(taken.count(innermost_pivot) == expected);
    CHECK(taken.count(middle) == expected);
    CHECK(taken.count(outermost_pivot) == expected);
  }
}

TEST_CASE("the walk changes stacks between the two frames of a pivot" * doctest::skip(!kUnwindsOverPivot)) {
  // The outer frame and its caller find their registers even when the stack pointer is wrong there; a debugger does not.
  TestStack stack;
  taken = {};
  innermost_pivot(stack.high());
  bool seen_pivot = false;
  for (std::size_t i = 0; i < taken.functions.size(); ++i) {
    if (taken.functions[i] == reinterpret_cast<std::uintptr_t>(&cw_arch_pivot)) seen_pivot = true;
    if (taken.functions[i] == reinterpret_cast<std::uintptr_t>(&take_backtrace)) CHECK_FALSE(seen_pivot);
    if (seen_pivot) CHECK_FALSE(stack.contains(to_pointer(taken.stack_pointers[i])));
  }
  CHECK(seen_pivot);
}

[[gnu::noinline]] void host_function(Context& context) {
  context.resume();
  CW_KEEP_FRAME;
}

[[gnu::noinline]] void inside_function(Backtrace& out) {
  out = backtrace_here();
  CW_KEEP_FRAME;
}

TEST_CASE("a backtrace ends at the first frame of a context") {
  Backtrace first;
  Backtrace later;
  Context context([&](Context& self) {
    inside_function(first);
    self.suspend();
    inside_function(later);
  });
  host_function(context);
  host_function(context);
  for (const Backtrace& trace : {first, later}) {
    CHECK(trace.end == _URC_END_OF_STACK);
    CHECK(trace.count(inside_function) == 1);
    CHECK(trace.count(host_function) == 0);
    CHECK(trace.functions.size() < 20);
  }
}

[[gnu::noinline]] void decoy() { CW_KEEP_FRAME; }

TEST_CASE("a backtrace does not read on above the first frame of a context") {
  // The words above the first frame are made to look like a frame: a walk that takes one step too many shows the decoy.
  TestStack stack;
  static void* host;
  static void* saved;
  constexpr std::size_t kDecoys = 32;
  auto* words = reinterpret_cast<std::uintptr_t*>(stack.high()) - kDecoys;
  for (std::size_t i = 0; i < kDecoys; ++i) words[i] = reinterpret_cast<std::uintptr_t>(&decoy) + 1;
  saved = prepare(words, [](void* value) {
    inside_function(*static_cast<Backtrace*>(value));
    cw_arch_switch(&saved, host, nullptr);
  });
  decoy();
  Backtrace trace;
  cw_arch_switch(&host, saved, &trace);
  CHECK(trace.end == _URC_END_OF_STACK);
  CHECK(trace.count(inside_function) == 1);
  CHECK(trace.count(decoy) == 0);
}

TEST_CASE("a backtrace on a pivot inside a context ends at the context's first frame") {
  TestStack stack;
  Context context([&](Context&) {
    taken = {};
    innermost_pivot(stack.high());
  });
  host_function(context);
  CHECK(taken.end == _URC_END_OF_STACK);
  CHECK(taken.count(take_backtrace) == 1);
  CHECK(taken.count(innermost_pivot) == (kUnwindsOverPivot ? 1u : 0u));
  CHECK(taken.count(host_function) == 0);
}

#undef CW_KEEP_FRAME

}  // namespace
}  // namespace causeway::arch::test
