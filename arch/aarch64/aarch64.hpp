// SPDX-License-Identifier: MIT
//
// AArch64 (AAPCS64): the C++ half of its CPU layer. Included by arch/arch.hpp only, which has the contract.
//
// The layouts below are those that switch.S and capture.S write; each offset is checked against layout.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/aarch64/layout.h"

// Not a function to call: where the first switch to a prepared context returns to (switch.S).
extern "C" [[gnu::visibility("hidden")]] const char cw_arch_start_here[];
// The code of the switch, as addresses to compare with.
extern "C" [[gnu::visibility("hidden")]] const char cw_arch_switch_end[], cw_arch_start_end[];

namespace causeway::arch::aarch64 {

// A suspended context, at its saved sp. Written by cw_arch_switch (every suspension) and by prepare() (once).
struct SwitchFrame {
  std::uint64_t fpcr;
  std::uint64_t unused;
  std::uint64_t d[8];    // d8 to d15
  std::uintptr_t x[10];  // x19 to x28
  std::uintptr_t fp;
  std::uintptr_t pc;
};
static_assert(offsetof(SwitchFrame, fpcr) == CW_AARCH64_FRAME_FPCR);
static_assert(offsetof(SwitchFrame, d[0]) == CW_AARCH64_FRAME_D8 && offsetof(SwitchFrame, d[2]) == CW_AARCH64_FRAME_D10);
static_assert(offsetof(SwitchFrame, d[4]) == CW_AARCH64_FRAME_D12 && offsetof(SwitchFrame, d[6]) == CW_AARCH64_FRAME_D14);
static_assert(offsetof(SwitchFrame, x[0]) == CW_AARCH64_FRAME_X19 && offsetof(SwitchFrame, x[2]) == CW_AARCH64_FRAME_X21);
static_assert(offsetof(SwitchFrame, x[4]) == CW_AARCH64_FRAME_X23 && offsetof(SwitchFrame, x[6]) == CW_AARCH64_FRAME_X25);
static_assert(offsetof(SwitchFrame, x[8]) == CW_AARCH64_FRAME_X27);
static_assert(offsetof(SwitchFrame, fp) == CW_AARCH64_FRAME_FP && offsetof(SwitchFrame, pc) == CW_AARCH64_FRAME_PC);
static_assert(sizeof(SwitchFrame) == CW_AARCH64_FRAME_BYTES);

struct Cpu {
  static constexpr const char* kName = "aarch64";
  static constexpr std::size_t kSwitchFrameBytes = sizeof(SwitchFrame);
  static constexpr bool kHasFrameRecords = true;
  static constexpr bool kUnwindsOverPivot = true;

  // Where the registers lie in a suspended context, for debuggers, by their names there.
  struct SavedRegister {
    const char* name;
    std::size_t offset;
  };
  static constexpr SavedRegister kSavedRegisters[] = {
      {"pc", CW_AARCH64_FRAME_PC},   {"fp", CW_AARCH64_FRAME_FP},       {"x19", CW_AARCH64_FRAME_X19}, {"x20", CW_AARCH64_FRAME_X19 + 8},
      {"x21", CW_AARCH64_FRAME_X21}, {"x22", CW_AARCH64_FRAME_X21 + 8}, {"x23", CW_AARCH64_FRAME_X23}, {"x24", CW_AARCH64_FRAME_X23 + 8},
      {"x25", CW_AARCH64_FRAME_X25}, {"x26", CW_AARCH64_FRAME_X25 + 8}, {"x27", CW_AARCH64_FRAME_X27}, {"x28", CW_AARCH64_FRAME_X27 + 8}};

  struct Registers {
    std::uintptr_t sp;
    std::uintptr_t fp;
    std::uintptr_t pc;
    std::uintptr_t x[10];  // x19 to x28
    std::uint64_t d[8];    // d8 to d15: a compiler may keep a pointer there
  };

  struct Place {
    std::uintptr_t fp;
    std::uintptr_t pc;
  };

  // Round to nearest, no trap, no flush to zero: what a process starts with.
  static constexpr std::uint64_t kInitialFpcr = 0;

  // The stack may be a reused one that a sanitizer still holds for poisoned. Every slot is written: a conservative scan of a
  // context that has not run yet finds nothing that an earlier user of the stack left.
  [[gnu::no_sanitize_address, gnu::no_sanitize_thread]] static void* prepare(void* stack_high, void (*entry)(void*)) noexcept {
    const std::uintptr_t top = reinterpret_cast<std::uintptr_t>(stack_high) & ~std::uintptr_t{15};
    auto* frame = reinterpret_cast<SwitchFrame*>(top - sizeof(SwitchFrame));
    frame->fpcr = kInitialFpcr;
    frame->unused = 0;
    for (auto& slot : frame->d) slot = 0;
    for (auto& slot : frame->x) slot = 0;
    frame->x[0] = reinterpret_cast<std::uintptr_t>(entry);
    frame->fp = 0;
    frame->pc = reinterpret_cast<std::uintptr_t>(cw_arch_start_here);
    return frame;
  }

  [[gnu::no_sanitize_address, gnu::no_sanitize_thread]] static Place saved_frame(const void* saved_sp) noexcept {
    const auto* frame = static_cast<const SwitchFrame*>(saved_sp);
    return {frame->fp, frame->pc};
  }

  static std::uintptr_t saved_low(const void* saved_sp) noexcept { return reinterpret_cast<std::uintptr_t>(saved_sp); }

  static bool in_switch(std::uintptr_t pc, std::uintptr_t begin) noexcept {
    return (pc >= begin && pc < reinterpret_cast<std::uintptr_t>(cw_arch_switch_end)) ||
           (pc >= reinterpret_cast<std::uintptr_t>(cw_arch_start_here) && pc < reinterpret_cast<std::uintptr_t>(cw_arch_start_end));
  }

  // isb stalls for some tens of cycles; yield is a nop on most cores.
  static void relax() noexcept { asm volatile("isb" ::: "memory"); }
};
static_assert(offsetof(Cpu::Registers, sp) == CW_AARCH64_REGISTERS_SP && offsetof(Cpu::Registers, fp) == CW_AARCH64_REGISTERS_FP);
static_assert(offsetof(Cpu::Registers, pc) == CW_AARCH64_REGISTERS_PC);
static_assert(offsetof(Cpu::Registers, x[0]) == CW_AARCH64_REGISTERS_X19);
static_assert(offsetof(Cpu::Registers, x[2]) == CW_AARCH64_REGISTERS_X21);
static_assert(offsetof(Cpu::Registers, x[4]) == CW_AARCH64_REGISTERS_X23);
static_assert(offsetof(Cpu::Registers, x[6]) == CW_AARCH64_REGISTERS_X25);
static_assert(offsetof(Cpu::Registers, x[8]) == CW_AARCH64_REGISTERS_X27);
static_assert(offsetof(Cpu::Registers, d[0]) == CW_AARCH64_REGISTERS_D8 && offsetof(Cpu::Registers, d[2]) == CW_AARCH64_REGISTERS_D10);
static_assert(offsetof(Cpu::Registers, d[4]) == CW_AARCH64_REGISTERS_D12 && offsetof(Cpu::Registers, d[6]) == CW_AARCH64_REGISTERS_D14);

}  // namespace causeway::arch::aarch64
