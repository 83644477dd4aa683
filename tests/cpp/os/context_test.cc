// SPDX-License-Identifier: MIT
//
// Guards: registers of the handler in place of those of the interrupted code.
#include "runtime/os/context.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <ucontext.h>

#include "runtime/os/os.hpp"

using namespace causeway;

namespace {

os::ContextRegisters seen;
void look(int, siginfo_t*, void* context) { seen = os::context_registers(context); }

}  // namespace

TEST_CASE("the registers are those of the interrupted code") {
  struct sigaction action{}, before{};
  action.sa_sigaction = &look;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR1, &action, &before);
  uintptr_t low = 0, high = 0;
  const bool bounded = os::thread_stack_bounds(&low, &high);
  raise(SIGUSR1);
  sigaction(SIGUSR1, &before, nullptr);
  CHECK(seen.pc != 0);
  CHECK(seen.sp < reinterpret_cast<uintptr_t>(__builtin_frame_address(0)));
  if (bounded) {
    CHECK(seen.sp >= low);
    CHECK(seen.sp < high);
  }
}

TEST_CASE("a context that is not running is read too") {
  ucontext_t here{};
  getcontext(&here);
  const auto registers = os::context_registers(&here);
  const auto frame = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  CHECK(registers.fp == frame);  // compiled with frame pointers
  CHECK(registers.sp <= frame);
}
