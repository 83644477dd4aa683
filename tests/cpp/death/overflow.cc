// SPDX-License-Identifier: MIT
//
// A green thread that runs out of its stack: reported by name before anything else is touched.
//
// Risk: the report itself needs stack, locks or memory; and a large array jumps over the guard into somebody else's stack.
#include <signal.h>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

using death::recurse;

void infinite_recursion() {
  causeway::spawn({.name = "digger"}, [] { return recurse(0); }).join();
}

void infinite_recursion_of_a_large_stack() {
  causeway::spawn({.name = "deep", .stack_size = 1024 * 1024}, [] { return recurse(0); }).join();
}

void recursion_while_others_run() {
  causeway::options options;
  options.processors = 4;
  causeway::runtime runtime(options);
  for (int i = 0; i < 20; ++i)
    causeway::go([] {
      for (;;) causeway::this_green::yield();
    });
  causeway::spawn({.name = "digger"}, [] { return recurse(0); }).join();
}

// One array of 1 MiB on a stack of 64 KiB. The compiler's probes touch each page of it, from the top down, so the guard is hit.
[[gnu::noinline]] char jump(size_t at) {
  volatile char room[1 << 20];
  room[at] = 1;
  return room[at];
}
void large_array() {
  causeway::spawn({.name = "jumper"}, [] { return jump(5); }).join();
}

// Without the guard handler the kernel's own answer: no report, but no silent damage either.
void recursion_without_handler() {
  causeway::options options;
  options.guard_handler = false;
  causeway::runtime runtime(options);
  causeway::spawn([] { return recurse(0); }).join();
}

const std::vector<death::Case> kCases = {
    {"stack_overflow_by_recursion",
     infinite_recursion,
     {.signal = SIGABRT,
      .printed = {"causeway: fatal: stack-overflow: green thread ", "\"digger\"", "stack of 64 KiB", "stack_size", "#0 ", "#3 "}}},
    {"stack_overflow_of_a_1_mib_stack",
     infinite_recursion_of_a_large_stack,
     {.signal = SIGABRT, .printed = {"causeway: fatal: stack-overflow: green thread ", "\"deep\"", "stack of 1024 KiB", "#0 "}}},
    {"stack_overflow_beside_others",
     recursion_while_others_run,
     {.signal = SIGABRT, .printed = {"causeway: fatal: stack-overflow: green thread ", "\"digger\""}}},
    {"stack_overflow_by_large_array",
     large_array,
     {.signal = SIGABRT, .printed = {"causeway: fatal: stack-overflow: green thread ", "\"jumper\""}}},
    {"stack_overflow_without_handler", recursion_without_handler, {.signal = SIGSEGV, .not_printed = {"causeway: fatal"}}},
};

}  // namespace

const std::vector<death::Case>& death::overflow_cases() { return kCases; }
