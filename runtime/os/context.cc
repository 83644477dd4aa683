// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers.
#include "runtime/os/context.hpp"

#include <signal.h>
#include <ucontext.h>

#include <cstring>

#include "runtime/os/memory.hpp"

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

size_t context_register_list(const void* ucontext, RegisterValue* out, size_t n) noexcept {
  size_t count = 0;
  [[maybe_unused]] const auto add = [&](const char* name, uintptr_t value) {
    if (count < n) out[count++] = {name, value};
  };
#if defined(__x86_64__)
  constexpr struct {
    const char* name;
    int index;
  } kNames[] = {{"rax", REG_RAX}, {"rbx", REG_RBX}, {"rcx", REG_RCX}, {"rdx", REG_RDX}, {"rsi", REG_RSI}, {"rdi", REG_RDI},
                {"rbp", REG_RBP}, {"rsp", REG_RSP}, {"r8", REG_R8},   {"r9", REG_R9},   {"r10", REG_R10}, {"r11", REG_R11},
                {"r12", REG_R12}, {"r13", REG_R13}, {"r14", REG_R14}, {"r15", REG_R15}, {"rip", REG_RIP}, {"flags", REG_EFL}};
  const auto& machine = static_cast<const ucontext_t*>(ucontext)->uc_mcontext;
  for (const auto& each : kNames) add(each.name, static_cast<uintptr_t>(machine.gregs[each.index]));
#elif defined(__aarch64__)
  constexpr const char* kNames[] = {"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10",
                                    "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
                                    "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30"};
  const auto& machine = static_cast<const ucontext_t*>(ucontext)->uc_mcontext;
  for (size_t i = 0; i < sizeof kNames / sizeof kNames[0]; ++i) add(kNames[i], machine.regs[i]);
  add("sp", machine.sp);
  add("pc", machine.pc);
  add("state", machine.pstate);
#else
  static_cast<void>(ucontext);
#endif
  return count;
}

ContextRegisters context_after_return(const void* ucontext) noexcept {
  ContextRegisters registers = context_registers(ucontext);
#if defined(__x86_64__)
  if (!read_memory(&registers.pc, reinterpret_cast<const void*>(registers.sp), sizeof registers.pc)) registers.pc = 0;
  registers.sp += sizeof registers.pc;
#elif defined(__aarch64__)
  registers.pc = registers.link;
#endif
  return registers;
}

AddressRange context_alternate_stack(const void* ucontext) noexcept {
  const stack_t& stack = static_cast<const ucontext_t*>(ucontext)->uc_stack;
  if ((stack.ss_flags & SS_DISABLE) != 0 || stack.ss_sp == nullptr) return {};
  const auto low = reinterpret_cast<uintptr_t>(stack.ss_sp);
  return {low, low + stack.ss_size};
}

bool is_signal_return(uintptr_t pc) noexcept {
#if defined(__x86_64__)
  static constexpr unsigned char kCode[] = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};  // mov $15, %rax; syscall
#elif defined(__aarch64__)
  static constexpr unsigned char kCode[] = {0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4};  // mov x8, #139; svc #0
#else
  static constexpr unsigned char kCode[] = {0};
#endif
  unsigned char code[sizeof kCode];
  return sizeof kCode > 1 && read_memory(code, reinterpret_cast<const void*>(pc), sizeof code) &&
         std::memcmp(code, kCode, sizeof code) == 0;
}

}  // namespace causeway::os
