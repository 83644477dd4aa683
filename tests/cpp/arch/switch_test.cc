// SPDX-License-Identifier: MIT
//
// The switch: values, order, alignment and depth. Register contents are in registers_test.cc and fp_control_test.cc.
#include <doctest/doctest.h>

#include <memory>
#include <thread>
#include <vector>

#include "tests/cpp/arch/support.hpp"

namespace causeway::arch::test {
namespace {

TEST_CASE("a value goes in with each switch and another comes out") {
  // Distinct numbers in both directions, more than once: a value that is left over from the step before would show.
  Context context([](Context& self) {
    auto got = reinterpret_cast<std::uintptr_t>(self.first_value());
    for (int i = 0; i < 100; ++i) got = reinterpret_cast<std::uintptr_t>(self.suspend(to_pointer(got + 1000)));
  });
  for (std::uintptr_t i = 1; i <= 100; ++i) CHECK(reinterpret_cast<std::uintptr_t>(context.resume(to_pointer(i))) == i + 1000);
  context.resume();
  CHECK(context.done());
}

TEST_CASE("the saved pointer lies on the stack that was left") {
  Context context([](Context& self) { self.suspend(); });
  CHECK(context.stack().contains(context.saved()));
  context.resume();
  CHECK(context.stack().contains(context.saved()));
  CHECK(saved_low(context.saved()) >= context.stack().low_address());
  CHECK(saved_low(context.saved()) <= reinterpret_cast<std::uintptr_t>(context.saved()));
  CHECK_FALSE(context.stack().contains(*context.host_slot()));
  context.resume();
  CHECK(context.done());
}

// Of its own, so that it is no address inside of the switch.
[[gnu::noinline]] void elsewhere() { __asm__ volatile(""); }

TEST_CASE("an address inside of the switch is told from others") {
  const auto begin = reinterpret_cast<std::uintptr_t>(&cw_arch_switch);
#if defined(CW_CPU_PORTABLE)
  CHECK_FALSE(in_switch(begin));  // not known there
#else
  CHECK(in_switch(begin));
  CHECK(in_switch(begin + 8));
#endif
  CHECK_FALSE(in_switch(begin - 1));
  CHECK_FALSE(in_switch(begin + 4096));
  CHECK_FALSE(in_switch(reinterpret_cast<std::uintptr_t>(&cw_arch_pivot)));
  CHECK_FALSE(in_switch(reinterpret_cast<std::uintptr_t>(&elsewhere)));
  CHECK_FALSE(in_switch(0));
  // Where a context begins for the first time belongs to it.
  Context context([](Context&) {});
  CHECK(in_switch(saved_frame(context.saved()).pc) == in_switch(begin));
  context.resume();
}

TEST_CASE("a prepared context takes no more of its stack than it says") {
  // Everything below the documented bytes keeps its pattern; the rest is where the context begins.
  TestStack stack;
  auto* words = reinterpret_cast<std::uintptr_t*>(stack.low_address());
  const std::size_t count = kStackBytes / sizeof(std::uintptr_t);
  for (std::size_t i = 0; i < count; ++i) words[i] = 0xA5A5A5A5u;
  void* saved = prepare(stack.high(), [](void*) {});
  std::size_t untouched = 0;
  while (untouched < count && words[untouched] == 0xA5A5A5A5u) ++untouched;
  CHECK((count - untouched) * sizeof(std::uintptr_t) <= kSwitchFrameBytes);
  CHECK(saved_low(saved) >= stack.high_address() - kSwitchFrameBytes);
  CHECK(saved_low(saved) % sizeof(std::uintptr_t) == 0);
}

// The compiler believes the ABI: it places an aligned local without realigning the stack, and would fold the remainder to 0 if it
// were not kept from knowing what the address is.
[[gnu::noinline]] std::uintptr_t aligned_local_remainder() {
  alignas(16) volatile double pair[2];
  auto address = reinterpret_cast<std::uintptr_t>(&pair);
  asm volatile("" : "+r"(address));
  return address % 16;
}

TEST_CASE("a stack end that is not aligned is rounded down") {
  // 1 and 15 are the ends of the range that rounding must remove; the entry checks what it was given.
  for (const std::ptrdiff_t off : {1, 8, 15, 16}) {
    TestStack stack;
    static void* host;
    static void* saved;
    saved = prepare(stack.high() - off, [](void* value) {
      *static_cast<std::uintptr_t*>(value) = aligned_local_remainder();
      cw_arch_switch(&saved, host, nullptr);
    });
    std::uintptr_t remainder = 99;
    cw_arch_switch(&host, saved, &remainder);
    CHECK(remainder == 0);
  }
}

TEST_CASE("the stack is aligned at the first entry and on a pivot") {
  std::uintptr_t at_entry = 99;
  std::uintptr_t frame = 99;
  Context context([&](Context&) {
    at_entry = aligned_local_remainder();
    frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    asm volatile("" : "+r"(frame));
    frame %= 16;
  });
  context.resume();
  CHECK(at_entry == 0);
  CHECK(frame == 0);
  for (const std::ptrdiff_t off : {0, 1, 8, 15}) {
    TestStack stack;
    void* result = cw_arch_pivot(stack.high() - off, [](void*) { return to_pointer(aligned_local_remainder() + 1); }, nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(result) == 1);
  }
}

[[gnu::noinline]] std::uint64_t recurse(Context& self, int depth) {
  if (depth == 0) {
    self.suspend();
    return 1;
  }
  volatile std::uint64_t here = static_cast<std::uint64_t>(depth);
  return recurse(self, depth - 1) + here;
}

TEST_CASE("a context that is suspended deep down keeps its frames") {
  // 1000 frames fill a good part of the stack, also in sanitizer builds; the sum is wrong if one is damaged.
  std::uint64_t sum = 0;
  Context context([&](Context& self) { sum = recurse(self, 1000); });
  Context other([&](Context& self) { recurse(self, 1000); });
  context.resume();
  other.resume();
  context.resume();
  other.resume();
  CHECK(context.done());
  CHECK(sum == 1000 * 1001 / 2 + 1);
}

TEST_CASE("contexts switch among each other without a host in between") {
  // A ring of 50: each hands a counter to the next, 20 rounds, then the last goes back to the host.
  struct Ring {
    std::vector<std::unique_ptr<TestStack>> stacks;
    std::vector<void*> saved;
    void* host = nullptr;
    std::uintptr_t next = 0;
  };
  static Ring ring;
  constexpr std::size_t kContexts = 50;
  constexpr std::uintptr_t kSteps = 1000;
  ring.saved.resize(kContexts);
  for (std::size_t i = 0; i < kContexts; ++i) {
    ring.stacks.push_back(std::make_unique<TestStack>());
    ring.saved[i] = prepare(ring.stacks[i]->high(), [](void* value) {
      auto count = reinterpret_cast<std::uintptr_t>(value);
      const std::size_t me = ring.next++;
      for (;;) {
        void* to = count + 1 == kSteps ? ring.host : ring.saved[(me + 1) % kContexts];
        count = reinterpret_cast<std::uintptr_t>(cw_arch_switch(&ring.saved[me], to, to_pointer(count + 1)));
      }
    });
  }
  void* result = cw_arch_switch(&ring.host, ring.saved[0], to_pointer(0));
  CHECK(reinterpret_cast<std::uintptr_t>(result) == kSteps);
  CHECK(ring.next == kContexts);
  ring = Ring{};
}

TEST_CASE("a context may go on, on another thread") {
  pid_t before = 0;
  pid_t after = 0;
  Context context([&](Context& self) {
    before = gettid();
    self.suspend();
    after = gettid();
  });
  context.resume();
  std::thread([&] { context.resume(); }).join();
  CHECK(context.done());
  CHECK(before == gettid());
  CHECK(after != before);
  CHECK(after != 0);
}

}  // namespace
}  // namespace causeway::arch::test
