// SPDX-License-Identifier: MIT
//
// The pivot: results and C++ exceptions. Each case with exceptions runs on a stack below the caller's and on one above, because an
// unwinder may take either for a broken stack.
#include <doctest/doctest.h>

#include <exception>
#include <stdexcept>
#include <string>

#include "tests/cpp/arch/support.hpp"

namespace causeway::arch::test {
namespace {

void* throw_int(void* argument) { throw static_cast<int>(reinterpret_cast<std::uintptr_t>(argument)); }

// The three places where a handler can be. Plain functions, so that the compiler puts nothing between the pivot and the handler.
[[gnu::noinline]] int direct_caller_catches(void* stack_high, int number) {
  // The call is the last thing in the block: the return address is already outside of the handler's range.
  try {
    cw_arch_pivot(stack_high, throw_int, to_pointer(static_cast<std::uintptr_t>(number)));
  } catch (int caught) { return caught; }
  return -1;
}

[[gnu::noinline]] int pivot_in_the_middle(void* stack_high, int number) {
  cw_arch_pivot(stack_high, throw_int, to_pointer(static_cast<std::uintptr_t>(number)));
  return -1;
}

[[gnu::noinline]] int further_out_catches(void* stack_high, int number) {
  try {
    return pivot_in_the_middle(stack_high, number) - 1;
  } catch (int caught) { return caught; }
}

// Runs body on a stack of its own from which `other` is lower, then on one from which it is higher.
template <class F>
void below_and_above(F&& body) {
  TestStack first;
  TestStack second;
  const TestStack& lower = first.high_address() < second.high_address() ? first : second;
  const TestStack& higher = &lower == &first ? second : first;
  int runs = 0;
  pivot(higher, [&] { body(lower), ++runs; });
  pivot(lower, [&] { body(higher), ++runs; });
  CHECK(runs == 2);
}

TEST_CASE("a pivot runs the function on the other stack and gives its result back") {
  TestStack stack;
  struct Seen {
    const TestStack* stack;
    bool on_it;
    void* argument_frame;
  } seen{&stack, false, nullptr};
  void* result = cw_arch_pivot(
      stack.high(),
      [](void* argument) -> void* {
        auto& out = *static_cast<Seen*>(argument);
        out.on_it = out.stack->contains(__builtin_frame_address(0));
        return to_pointer(0x1234567890ABCDEFu);
      },
      &seen);
  CHECK(seen.on_it);
  CHECK(result == to_pointer(0x1234567890ABCDEFu));
  CHECK_FALSE(stack.contains(__builtin_frame_address(0)));
}

TEST_CASE("the direct caller of a pivot catches what is thrown on the other stack") {
  below_and_above([](const TestStack& other) {
    for (int i = 0; i < 3; ++i) CHECK(direct_caller_catches(other.high(), 40 + i) == 40 + i);
  });
}

TEST_CASE("a caller further out catches what is thrown on the other stack") {
  below_and_above([](const TestStack& other) {
    for (int i = 0; i < 3; ++i) CHECK(further_out_catches(other.high(), 50 + i) == 50 + i);
  });
}

TEST_CASE("an exception passes three nested pivots and destroys what lies between") {
  TestStack stacks[3];
  std::string order;
  struct Mark {
    std::string& order;
    char letter;
    ~Mark() { order += letter; }
  };
  std::string what;
  try {
    Mark a{order, 'a'};
    pivot(stacks[1], [&] {
      Mark b{order, 'b'};
      pivot(stacks[0], [&] {
        Mark c{order, 'c'};
        pivot(stacks[2], [&] {
          Mark d{order, 'd'};
          throw std::runtime_error("from three stacks down");
        });
      });
    });
  } catch (const std::runtime_error& error) { what = error.what(); }
  CHECK(what == "from three stacks down");
  CHECK(order == "dcba");
  CHECK(std::uncaught_exceptions() == 0);
  CHECK(std::current_exception() == nullptr);
}

TEST_CASE("an exception that is caught and thrown again at each pivot stays the same object") {
  TestStack stacks[2];
  const void* seen[3] = {};
  try {
    pivot(stacks[0], [&] {
      try {
        pivot(stacks[1], [&] {
          try {
            throw std::logic_error("one object");
          } catch (const std::logic_error& error) {
            seen[0] = &error;
            throw;
          }
        });
      } catch (const std::logic_error& error) {
        seen[1] = &error;
        throw;
      }
    });
  } catch (const std::logic_error& error) { seen[2] = &error; }
  CHECK(seen[0] != nullptr);
  CHECK(seen[0] == seen[1]);
  CHECK(seen[1] == seen[2]);
}

TEST_CASE("a pivot inside a handler keeps the exception that is being handled") {
  TestStack stack;
  std::string inner;
  std::string outer;
  try {
    throw std::runtime_error("outer");
  } catch (...) {
    pivot(stack, [&] {
      try {
        throw std::runtime_error("inner");
      } catch (const std::exception& error) { inner = error.what(); }
    });
    try {
      throw;
    } catch (const std::exception& error) { outer = error.what(); }
  }
  CHECK(inner == "inner");
  CHECK(outer == "outer");
}

TEST_CASE("a function that is suspended on the other stack still returns and throws to its caller") {
  for (const bool throws : {false, true}) {
    TestStack stack;
    int caught = 0;
    void* result = nullptr;
    Context context([&](Context& self) {
      struct Call {
        Context& self;
        bool throws;
      } call{self, throws};
      try {
        result = cw_arch_pivot(
            stack.high(),
            [](void* argument) -> void* {
              auto& [self_inside, throw_inside] = *static_cast<Call*>(argument);
              void* value = self_inside.suspend();
              if (throw_inside) throw 7;
              return value;
            },
            &call);
      } catch (int number) { caught = number; }
    });
    context.resume();
    CHECK(stack.contains(context.saved()));
    context.resume(to_pointer(5));
    CHECK(context.done());
    CHECK(caught == (throws ? 7 : 0));
    CHECK(result == (throws ? nullptr : to_pointer(5)));
  }
}

TEST_CASE("an exception inside a context is caught there") {
  std::string what;
  Context context([&](Context& self) {
    try {
      self.suspend();
      throw std::runtime_error("inside");
    } catch (const std::exception& error) { what = error.what(); }
  });
  context.resume();
  context.resume();
  CHECK(what == "inside");
}

}  // namespace
}  // namespace causeway::arch::test
