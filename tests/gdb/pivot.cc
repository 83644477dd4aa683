// SPDX-License-Identifier: MIT
//
// The program that pivot.sh looks at: three pivots, to a stack below the thread's own, then to one above that, then down again.
// The functions' names are what the script expects in the backtrace.
#include <cstdlib>

#include "tests/cpp/arch/support.hpp"

using causeway::arch::test::TestStack;

namespace {

// High ends, set by main: low < middle < high.
void* low_stack;
void* middle_stack;
void* high_stack;

}  // namespace

extern "C" {

[[gnu::noinline]] void gdb_stop_here() { asm volatile("" ::: "memory"); }

[[gnu::noinline]] void* gdb_third_leg(void* argument) {
  gdb_stop_here();
  asm volatile("" ::: "memory");
  return argument;
}

[[gnu::noinline]] void* gdb_second_leg(void* argument) {
  void* result = cw_arch_pivot(low_stack, gdb_third_leg, argument);
  asm volatile("" ::: "memory");
  return result;
}

[[gnu::noinline]] void* gdb_first_leg(void* argument) {
  void* result = cw_arch_pivot(high_stack, gdb_second_leg, argument);
  asm volatile("" ::: "memory");
  return result;
}

}  // extern "C"

int main() {
  TestStack stacks[3];
  const TestStack* sorted[3] = {&stacks[0], &stacks[1], &stacks[2]};
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 2; ++j) {
      if (sorted[j]->high() > sorted[j + 1]->high()) std::swap(sorted[j], sorted[j + 1]);
    }
  }
  low_stack = sorted[0]->high();
  middle_stack = sorted[1]->high();
  high_stack = sorted[2]->high();
  int value = 0;
  return cw_arch_pivot(middle_stack, gdb_first_leg, &value) == &value ? EXIT_SUCCESS : EXIT_FAILURE;
}
