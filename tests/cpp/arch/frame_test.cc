// SPDX-License-Identifier: MIT
//
// Frame-pointer steps: what a fatal report and the profiler walk with, on stacks that may be damaged. So half of the cases are about
// chains that must be refused without a read outside the bounds.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "tests/cpp/arch/support.hpp"

namespace causeway::arch::test {
namespace {

constexpr std::uintptr_t kWord = sizeof(std::uintptr_t);

// A stack of 16 words on which records are written by hand; the words outside hold a chain that looks right, to be found by an
// implementation that reads too far.
struct Words {
  alignas(16) std::uintptr_t all[48];
  Words() {
    for (std::size_t i = 0; i < 48; ++i) all[i] = address(47);
  }
  std::uintptr_t address(std::size_t index) const { return reinterpret_cast<std::uintptr_t>(&all[index]); }
  std::uintptr_t low() const { return address(16); }
  std::uintptr_t high() const { return address(32); }
  void record(std::size_t index, std::uintptr_t fp, std::uintptr_t pc) {
    all[index] = fp;
    all[index + 1] = pc;
  }
  // One step from `fp`; when it is refused nothing may have changed.
  bool step(std::uintptr_t* fp, std::uintptr_t* pc) const {
    const std::uintptr_t before = *fp;
    *pc = 0xBAD;
    const bool taken = step_frame(low(), high(), fp, pc);
    if (!taken) {
      CHECK(*fp == before);
      CHECK(*pc == 0xBAD);
    }
    return taken;
  }
};

TEST_CASE("a step reads the record and goes to the caller's" * doctest::skip(!Cpu::kHasFrameRecords)) {
  Words words;
  words.record(16, words.address(24), 0x1111);
  words.record(24, words.address(30), 0x2222);
  words.record(30, 0, 0x3333);
  std::uintptr_t fp = words.address(16);
  std::uintptr_t pc = 0;
  CHECK(words.step(&fp, &pc));
  CHECK(pc == 0x1111);
  CHECK(words.step(&fp, &pc));
  CHECK(pc == 0x2222);
  CHECK(words.step(&fp, &pc));
  CHECK(pc == 0x3333);
  CHECK(fp == 0);
  CHECK_FALSE(words.step(&fp, &pc));
}

TEST_CASE("a record that is not wholly inside the bounds is refused" * doctest::skip(!Cpu::kHasFrameRecords)) {
  Words words;
  words.record(31, words.address(40), 0x1111);
  words.record(15, words.address(40), 0x1111);
  for (const std::uintptr_t at : {words.address(31), words.address(32), words.address(40), words.address(15), words.address(0),
                                  std::uintptr_t{0}, std::uintptr_t{8}, ~std::uintptr_t{0}, ~std::uintptr_t{7}}) {
    std::uintptr_t fp = at;
    std::uintptr_t pc = 0;
    CHECK_FALSE(words.step(&fp, &pc));
  }
  // The last place where a record fits.
  words.record(30, 0, 0x4444);
  std::uintptr_t fp = words.address(30);
  std::uintptr_t pc = 0;
  CHECK(words.step(&fp, &pc));
}

TEST_CASE("a record that is not aligned is refused" * doctest::skip(!Cpu::kHasFrameRecords)) {
  Words words;
  for (std::uintptr_t off = 1; off < kWord; ++off) {
    std::uintptr_t fp = words.address(20) + off;
    std::uintptr_t pc = 0;
    CHECK_FALSE(words.step(&fp, &pc));
  }
}

TEST_CASE("a chain that falls, stands still or returns to nowhere ends" * doctest::skip(!Cpu::kHasFrameRecords)) {
  Words words;
  std::uintptr_t pc = 0;
  words.record(24, words.address(20), 0x1111);  // falls
  std::uintptr_t fp = words.address(24);
  CHECK_FALSE(words.step(&fp, &pc));
  words.record(24, words.address(16), 0x1111);  // falls to the lowest word
  fp = words.address(24);
  CHECK_FALSE(words.step(&fp, &pc));
  words.record(24, words.address(24), 0x1111);  // a circle of one
  fp = words.address(24);
  CHECK_FALSE(words.step(&fp, &pc));
  words.record(24, words.address(28), 0);  // no return address
  fp = words.address(24);
  CHECK_FALSE(words.step(&fp, &pc));
}

TEST_CASE("a chain that leaves the bounds gives its last address, then ends" * doctest::skip(!Cpu::kHasFrameRecords)) {
  Words words;
  words.record(20, words.address(40), 0x1111);
  std::uintptr_t fp = words.address(20);
  std::uintptr_t pc = 0;
  CHECK(words.step(&fp, &pc));
  CHECK(pc == 0x1111);
  CHECK(fp == words.address(40));
  CHECK_FALSE(words.step(&fp, &pc));
}

// Start address of the function that a return address lies in: libgcc looks up the byte before it.
std::uintptr_t function_of(std::uintptr_t pc) { return reinterpret_cast<std::uintptr_t>(_Unwind_FindEnclosingFunction(to_pointer(pc))); }

template <class F>
std::ptrdiff_t place_of(const std::vector<std::uintptr_t>& functions, F* function) {
  const auto at = std::find(functions.begin(), functions.end(), reinterpret_cast<std::uintptr_t>(function));
  return at == functions.end() ? -1 : at - functions.begin();
}

[[gnu::noinline]] void suspending_function(Context& self) {
  self.suspend();
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void calling_function(Context& self) {
  suspending_function(self);
  asm volatile("" ::: "memory");
}

void* function_on_pivot(void* self) {
  calling_function(*static_cast<Context*>(self));
  asm volatile("" ::: "memory");
  return nullptr;
}

[[gnu::noinline]] void pivoting_function(Context& self, const TestStack& stack) {
  cw_arch_pivot(stack.high(), function_on_pivot, &self);
  asm volatile("" ::: "memory");
}

// Walks a suspended context over the given stacks, innermost first.
std::vector<std::uintptr_t> walk(const void* saved, const std::vector<const TestStack*>& stacks, std::uintptr_t* last_fp) {
  const FramePlace start = saved_frame(saved);
  std::uintptr_t fp = start.fp;
  std::uintptr_t pc = start.pc;
  std::vector<std::uintptr_t> functions{function_of(pc)};
  for (const TestStack* stack : stacks) {
    while (step_frame(stack->low_address(), stack->high_address(), &fp, &pc)) functions.push_back(function_of(pc));
  }
  *last_fp = fp;
  return functions;
}

TEST_CASE("a suspended context is walked from its saved pointer to its first frame" * doctest::skip(!Cpu::kHasFrameRecords)) {
  Context context([](Context& self) { calling_function(self); });
  context.resume();
  std::uintptr_t last_fp = 99;
  const auto functions = walk(context.saved(), {&context.stack()}, &last_fp);
  CHECK(place_of(functions, suspending_function) >= 0);
  CHECK(place_of(functions, calling_function) > place_of(functions, suspending_function));
  CHECK(last_fp == 0);
  context.resume();
}

TEST_CASE("a context that has not run yet is one frame" * doctest::skip(!Cpu::kHasFrameRecords)) {
  Context context([](Context&) {});
  std::uintptr_t last_fp = 99;
  CHECK(walk(context.saved(), {&context.stack()}, &last_fp).size() == 1);
  // Walkers look up the byte before a return address: it must belong to the same function, also where nothing was called yet.
  const std::uintptr_t pc = saved_frame(context.saved()).pc;
  CHECK(function_of(pc) != 0);
  CHECK(function_of(pc) == function_of(pc + 1));
  CHECK(last_fp == 0);
  context.resume();
}

TEST_CASE("a walk goes on over a pivot with the bounds of the next stack" * doctest::skip(!Cpu::kHasFrameRecords)) {
  TestStack other;
  Context context([&](Context& self) { pivoting_function(self, other); });
  context.resume();
  std::uintptr_t last_fp = 99;
  const auto functions = walk(context.saved(), {&other, &context.stack()}, &last_fp);
  CHECK(place_of(functions, suspending_function) >= 0);
  CHECK(place_of(functions, calling_function) > place_of(functions, suspending_function));
  CHECK(place_of(functions, function_on_pivot) > place_of(functions, calling_function));
  CHECK(place_of(functions, pivoting_function) > place_of(functions, function_on_pivot));
  CHECK(last_fp == 0);
  context.resume();
  CHECK(context.done());
}

}  // namespace
}  // namespace causeway::arch::test
