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

namespace {

os::AddressRange alternate;
uintptr_t handler_sp = 0, returns_to = 0, listed = 0;
void look_closely(int, siginfo_t*, void* context) {
  alternate = os::context_alternate_stack(context);
  handler_sp = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  returns_to = reinterpret_cast<uintptr_t>(__builtin_return_address(0));
  os::RegisterValue values[os::kMostRegisters];
  const os::ContextRegisters at = os::context_registers(context);
  const size_t n = os::context_register_list(context, values, os::kMostRegisters);
  for (size_t i = 0; i < n; ++i) listed += values[i].value == at.pc || values[i].value == at.sp;
  if (os::context_register_list(context, values, 2) > 2) listed = 0;
}

}  // namespace

TEST_CASE("a handler's own stack, what it returns to, and every register are told") {
  os::AltStack stack;
  REQUIRE(stack.allocate());
  REQUIRE(stack.install());
  struct sigaction action{}, before{};
  action.sa_sigaction = &look_closely;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGUSR1, &action, &before);
  raise(SIGUSR1);
  sigaction(SIGUSR1, &before, nullptr);
  CHECK(alternate.holds(handler_sp));
  CHECK(stack.contains(alternate.low));
  stack.restore();
  stack.release();
  char probe = 0;
  // ThreadSanitizer calls handlers by itself.
  if (!CW_TSAN && os::read_memory(&probe, &probe, 1)) CHECK(os::is_signal_return(returns_to));
  CHECK_FALSE(os::is_signal_return(reinterpret_cast<uintptr_t>(&look_closely)));
  CHECK_FALSE(os::is_signal_return(8));
  CHECK(listed >= 2);
}

TEST_CASE("the caller of a function that has no frame yet is where it returns to") {
  ucontext_t here{};
  getcontext(&here);
  uintptr_t stack[2] = {0x1234, 0x5678};
#if defined(__x86_64__)
  here.uc_mcontext.gregs[REG_RSP] = static_cast<greg_t>(reinterpret_cast<uintptr_t>(stack));
  const auto expected = reinterpret_cast<uintptr_t>(stack + 1);
#else
  here.uc_mcontext.sp = reinterpret_cast<uintptr_t>(stack);
  here.uc_mcontext.regs[30] = stack[0];
  const auto expected = reinterpret_cast<uintptr_t>(stack);
#endif
  const os::ContextRegisters caller = os::context_after_return(&here);
  CHECK(caller.pc == 0x1234);
  CHECK(caller.sp == expected);
}
