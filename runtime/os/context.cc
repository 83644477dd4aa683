// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers.
#include "runtime/os/context.hpp"

#include <ucontext.h>

namespace causeway::os {

ContextRegisters context_registers(const void* ucontext) noexcept {
  ContextRegisters registers;
#if defined(__x86_64__)
  const auto& machine = static_cast<const ucontext_t*>(ucontext)->uc_mcontext;
  registers.pc = static_cast<uintptr_t>(machine.gregs[REG_RIP]);
  registers.sp = static_cast<uintptr_t>(machine.gregs[REG_RSP]);
  registers.fp = static_cast<uintptr_t>(machine.gregs[REG_RBP]);
#elif defined(__aarch64__)
  const auto& machine = static_cast<const ucontext_t*>(ucontext)->uc_mcontext;
  registers.pc = machine.pc;
  registers.sp = machine.sp;
  registers.fp = machine.regs[29];
  registers.link = machine.regs[30];
#else
  return registers;
#endif
  const auto& block = static_cast<const ucontext_t*>(ucontext)->uc_mcontext;
  registers.all = {reinterpret_cast<uintptr_t>(&block), reinterpret_cast<uintptr_t>(&block + 1)};
  return registers;
}

}  // namespace causeway::os
