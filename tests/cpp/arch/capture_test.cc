// SPDX-License-Identifier: MIT
//
// Register capture: a traceback starts at what it stores, and a conservative scan of what it stores must see a pointer that the
// caller holds in a callee-saved register only.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "tests/cpp/arch/probe.hpp"
#include "tests/cpp/arch/support.hpp"

namespace causeway::arch::test {
namespace {

struct Here {
  Registers registers;
  std::uintptr_t frame;
  std::uintptr_t function;
};

[[gnu::noinline]] void capture_here(Here& out) {
  cw_arch_capture(&out.registers);
  out.frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  out.function = reinterpret_cast<std::uintptr_t>(_Unwind_FindEnclosingFunction(to_pointer(out.registers.pc)));
}

TEST_CASE("a capture tells the caller's place: stack pointer, frame pointer, address") {
  Here here{};
  capture_here(here);
  CHECK(here.function == reinterpret_cast<std::uintptr_t>(&capture_here));
  if (Cpu::kHasFrameRecords) CHECK(here.registers.fp == here.frame);
  // The caller's frame is small; sp is its lower end, aligned as the ABI wants it at a call.
  CHECK(here.registers.sp <= here.frame);
  CHECK(here.frame - here.registers.sp < 1024);
  CHECK(here.registers.sp % kStackAlignment == 0);
}

TEST_CASE("a capture holds every callee-saved register") {
  Registers registers;
  std::memset(&registers, 0xEE, sizeof(registers));
  const ProbeWords in = ProbeWords::pattern(0x7000);
  ProbeWords out;
  probe(as_target(cw_arch_capture), &registers, nullptr, nullptr, in, out);
  CHECK(first_difference(in, out) == -1);
  std::uintptr_t words[sizeof(Registers) / sizeof(std::uintptr_t)];
  std::memcpy(words, &registers, sizeof(words));
  for (std::uint64_t i = 0; i < cw_test_probe_words; ++i) {
    CAPTURE(i);
    CHECK(std::count(std::begin(words), std::end(words), in.words[i]) >= 1);
  }
}

[[gnu::noinline]] void walked_function(const TestStack& stack, Backtrace& out) {
  Registers registers;
  cw_arch_capture(&registers);
  std::uintptr_t fp = registers.fp;
  std::uintptr_t pc = registers.pc;
  do {
    out.functions.push_back(reinterpret_cast<std::uintptr_t>(_Unwind_FindEnclosingFunction(to_pointer(pc))));
  } while (step_frame(stack.low_address(), stack.high_address(), &fp, &pc));
  out.end = fp == 0 ? _URC_END_OF_STACK : _URC_FATAL_PHASE1_ERROR;
}

[[gnu::noinline]] void outer_function(const TestStack& stack, Backtrace& out) {
  walked_function(stack, out);
  asm volatile("" ::: "memory");
}

TEST_CASE("a walk from a capture reaches the first frame" * doctest::skip(!Cpu::kHasFrameRecords)) {
  Backtrace trace{};
  Context context([&](Context& self) { outer_function(self.stack(), trace); });
  context.resume();
  CHECK(trace.count(walked_function) == 1);
  CHECK(trace.count(outer_function) == 1);
  CHECK(trace.functions.front() == reinterpret_cast<std::uintptr_t>(&walked_function));
  CHECK(trace.end == _URC_END_OF_STACK);
}

}  // namespace
}  // namespace causeway::arch::test
