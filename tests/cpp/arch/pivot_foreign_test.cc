// SPDX-License-Identifier: MIT
//
// Unwinding that is no C++ exception passes a pivot: thread exit (glibc unwinds the thread by force and aborts the process when a
// handler swallows that) and exceptions of other languages.
#include <doctest/doctest.h>

#include <pthread.h>

#include <cstring>
#include <exception>
#include <string>

#include <cxxabi.h>

#include "tests/cpp/arch/support.hpp"

namespace causeway::arch::test {
namespace {

// Destructors on both stacks run, in order, and the thread's result is the one given to pthread_exit.
struct Exit {
  TestStack stacks[2];
  std::string order;
  bool seen_as_forced = false;
};

struct Letter {
  std::string& order;
  char letter;
  ~Letter() { order += letter; }
};

void* exit_from_other_stack(void* argument) {
  auto& state = *static_cast<Exit*>(argument);
  Letter outermost{state.order, 'a'};
  try {
    pivot(state.stacks[0], [&] {
      Letter between{state.order, 'b'};
      pivot(state.stacks[1], [&] {
        Letter innermost{state.order, 'c'};
        pthread_exit(to_pointer(77));
      });
    });
  } catch (const abi::__forced_unwind&) {
    state.seen_as_forced = true;
    throw;
  }
  return nullptr;
}

TEST_CASE("pthread_exit on the other stack unwinds the whole thread") {
  Exit state;
  pthread_t thread;
  REQUIRE(pthread_create(&thread, nullptr, exit_from_other_stack, &state) == 0);
  void* result = nullptr;
  REQUIRE(pthread_join(thread, &result) == 0);
  CHECK(result == to_pointer(77));
  CHECK(state.order == "cba");
  CHECK(state.seen_as_forced);
}

// A cancellation takes the same road, from inside a system call.
void* wait_on_other_stack(void* argument) {
  auto& state = *static_cast<Exit*>(argument);
  Letter outermost{state.order, 'a'};
  pivot(state.stacks[0], [&] {
    Letter innermost{state.order, 'b'};
    for (;;) pause();
  });
  return nullptr;
}

TEST_CASE("cancellation on the other stack unwinds the whole thread") {
  Exit state;
  pthread_t thread;
  REQUIRE(pthread_create(&thread, nullptr, wait_on_other_stack, &state) == 0);
  REQUIRE(pthread_cancel(thread) == 0);
  void* result = nullptr;
  REQUIRE(pthread_join(thread, &result) == 0);
  CHECK(result == PTHREAD_CANCELED);
  // A cancellation that comes before the pivot finds fewer objects; the order is the same.
  CHECK(std::string("ba").ends_with(state.order));
}

// An exception of another language: its class is not that of C++, so a handler cannot look inside.
struct Foreign {
  _Unwind_Exception header;
  int number;
  bool deleted;
};

void* raise_foreign(void* argument) {
  auto& foreign = *static_cast<Foreign*>(argument);
  _Unwind_RaiseException(&foreign.header);
  return nullptr;
}

TEST_CASE("an exception of another language passes a pivot as it is") {
  TestStack stack;
  Foreign foreign{};
  std::memcpy(&foreign.header.exception_class, "CWTEST\0\0", sizeof(foreign.header.exception_class));
  foreign.header.exception_cleanup = [](_Unwind_Reason_Code, _Unwind_Exception* header) {
    reinterpret_cast<Foreign*>(header)->deleted = true;
  };
  std::string order;
  bool caught = false;
  bool foreign_inside_handler = false;
  try {
    Letter outer{order, 'a'};
    pivot(stack, [&] {
      Letter inner{order, 'b'};
      raise_foreign(&foreign);
    });
  } catch (...) {
    caught = true;
    foreign_inside_handler = std::current_exception() == nullptr && !foreign.deleted;
  }
  CHECK(caught);
  CHECK(foreign_inside_handler);
  CHECK(foreign.deleted);
  CHECK(std::uncaught_exceptions() == 0);
  CHECK(order == "ba");
}

}  // namespace
}  // namespace causeway::arch::test
