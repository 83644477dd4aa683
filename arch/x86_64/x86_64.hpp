// SPDX-License-Identifier: MIT
//
// x86-64 System V: the C++ half of its CPU layer. Included by arch/arch.hpp only, which has the contract.
//
// The layouts below are those that switch.S and capture.S write; each offset is checked against layout.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/x86_64/layout.h"

// Not a function to call: where the first switch to a prepared context returns to (switch.S).
extern "C" [[gnu::visibility("hidden")]] const char cw_arch_start_here[];
// The code of the switch, as addresses to compare with.
extern "C" [[gnu::visibility("hidden")]] const char cw_arch_switch_end[], cw_arch_start_end[];

namespace causeway::arch::x86_64 {

// A suspended context, at its saved sp. Written by cw_arch_switch (every suspension) and by prepare() (once).
struct SwitchFrame {
  std::uint32_t mxcsr;
  std::uint16_t x87_control;
  std::uint16_t unused;
  std::uintptr_t r15;
  std::uintptr_t r14;
  std::uintptr_t r13;
  std::uintptr_t r12;
  std::uintptr_t rbx;
  std::uintptr_t rbp;
  std::uintptr_t pc;
};
static_assert(offsetof(SwitchFrame, mxcsr) == CW_X86_64_FRAME_MXCSR);
static_assert(offsetof(SwitchFrame, x87_control) == CW_X86_64_FRAME_X87CW);
static_assert(offsetof(SwitchFrame, r15) == CW_X86_64_FRAME_R15);
static_assert(offsetof(SwitchFrame, r14) == CW_X86_64_FRAME_R14);
static_assert(offsetof(SwitchFrame, r13) == CW_X86_64_FRAME_R13);
static_assert(offsetof(SwitchFrame, r12) == CW_X86_64_FRAME_R12);
static_assert(offsetof(SwitchFrame, rbx) == CW_X86_64_FRAME_RBX);
static_assert(offsetof(SwitchFrame, rbp) == CW_X86_64_FRAME_RBP);
static_assert(offsetof(SwitchFrame, pc) == CW_X86_64_FRAME_PC);
static_assert(sizeof(SwitchFrame) == CW_X86_64_FRAME_BYTES);

struct Cpu {
  static constexpr const char* kName = "x86_64";
  static constexpr std::size_t kSwitchFrameBytes = sizeof(SwitchFrame);
  static constexpr bool kHasFrameRecords = true;
  static constexpr bool kUnwindsOverPivot = true;

  // Where the registers lie in a suspended context, for debuggers, by their names there.
  struct SavedRegister {
    const char* name;
    std::size_t offset;
  };
  static constexpr SavedRegister kSavedRegisters[] = {
      {"pc", CW_X86_64_FRAME_PC},   {"fp", CW_X86_64_FRAME_RBP},  {"rbx", CW_X86_64_FRAME_RBX}, {"r12", CW_X86_64_FRAME_R12},
      {"r13", CW_X86_64_FRAME_R13}, {"r14", CW_X86_64_FRAME_R14}, {"r15", CW_X86_64_FRAME_R15}};

  struct Registers {
    std::uintptr_t sp;
    std::uintptr_t fp;
    std::uintptr_t pc;
    std::uintptr_t rbx;
    std::uintptr_t r12;
    std::uintptr_t r13;
    std::uintptr_t r14;
    std::uintptr_t r15;
  };

  struct Place {
    std::uintptr_t fp;
    std::uintptr_t pc;
  };

  static constexpr std::uint32_t kInitialMxcsr = CW_X86_64_INITIAL_MXCSR;
  static constexpr std::uint16_t kInitialX87Control = CW_X86_64_INITIAL_X87CW;

  // The stack may be a reused one that a sanitizer still holds for poisoned.
  [[gnu::no_sanitize_address, gnu::no_sanitize_thread]] static void* prepare(void* stack_high, void (*entry)(void*)) noexcept {
    const std::uintptr_t top = reinterpret_cast<std::uintptr_t>(stack_high) & ~std::uintptr_t{15};
    auto* frame = reinterpret_cast<SwitchFrame*>(top - sizeof(SwitchFrame));
    frame->mxcsr = kInitialMxcsr;
    frame->x87_control = kInitialX87Control;
    frame->unused = 0;
    frame->r15 = frame->r14 = frame->r13 = frame->r12 = 0;
    frame->rbx = reinterpret_cast<std::uintptr_t>(entry);
    frame->rbp = 0;
    frame->pc = reinterpret_cast<std::uintptr_t>(cw_arch_start_here);
    return frame;
  }

  [[gnu::no_sanitize_address, gnu::no_sanitize_thread]] static Place saved_frame(const void* saved_sp) noexcept {
    const auto* frame = static_cast<const SwitchFrame*>(saved_sp);
    return {frame->rbp, frame->pc};
  }

  static std::uintptr_t saved_low(const void* saved_sp) noexcept { return reinterpret_cast<std::uintptr_t>(saved_sp); }

  static bool in_switch(std::uintptr_t pc, std::uintptr_t begin) noexcept {
    return (pc >= begin && pc < reinterpret_cast<std::uintptr_t>(cw_arch_switch_end)) ||
           (pc >= reinterpret_cast<std::uintptr_t>(cw_arch_start_here) && pc < reinterpret_cast<std::uintptr_t>(cw_arch_start_end));
  }

  static void relax() noexcept { __builtin_ia32_pause(); }
};
static_assert(offsetof(Cpu::Registers, sp) == CW_X86_64_REGISTERS_SP);
static_assert(offsetof(Cpu::Registers, fp) == CW_X86_64_REGISTERS_FP);
static_assert(offsetof(Cpu::Registers, pc) == CW_X86_64_REGISTERS_PC);
static_assert(offsetof(Cpu::Registers, rbx) == CW_X86_64_REGISTERS_RBX);
static_assert(offsetof(Cpu::Registers, r12) == CW_X86_64_REGISTERS_R12);
static_assert(offsetof(Cpu::Registers, r13) == CW_X86_64_REGISTERS_R13);
static_assert(offsetof(Cpu::Registers, r14) == CW_X86_64_REGISTERS_R14);
static_assert(offsetof(Cpu::Registers, r15) == CW_X86_64_REGISTERS_R15);

}  // namespace causeway::arch::x86_64
