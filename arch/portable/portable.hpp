// SPDX-License-Identifier: MIT
//
// Any CPU that Boost.Context knows: the C++ half of its CPU layer. Included by arch/arch.hpp only, which has the contract.
//
// Used where no folder of arch/ fits, and in tests and benchmarks as the reference that our own assembly must agree with.
// What it cannot do: unwinders end at a pivot, so an exception is caught there and thrown again on the caller's stack, and a
// backtrace stops. Frame-pointer walks go on where a frame is a record of {caller's fp, return address}.
//
// Boost.Context is named in portable.cc only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace causeway::arch::portable {

// A suspended context; its address is the saved sp. Lies in the frame of the cw_arch_switch that left, or, before the first entry, at
// the top of the stack. Boost's own saved registers lie below it, at `fcontext`.
struct Suspended {
  void* fcontext;
  std::uintptr_t fp;
  std::uintptr_t pc;
  void (*entry)(void*);
};

struct Cpu {
  // Where the registers lie in a suspended context, for debuggers, by their names there.
  struct SavedRegister {
    const char* name;
    std::size_t offset;
  };
  static constexpr SavedRegister kSavedRegisters[] = {{"pc", offsetof(Suspended, pc)}, {"fp", offsetof(Suspended, fp)}};

  static constexpr const char* kName = "portable";
  static constexpr std::size_t kSwitchFrameBytes = 512;
  static constexpr bool kUnwindsOverPivot = false;
#if defined(__x86_64__) || defined(__aarch64__)
  static constexpr bool kHasFrameRecords = true;
#else
  static constexpr bool kHasFrameRecords = false;
#endif

  // More words than the callee-saved registers of any CPU that Boost.Context knows, with room for the frame they are spilled in.
  static constexpr std::size_t kSpillWords = 48;

  struct Registers {
    std::uintptr_t sp;
    std::uintptr_t fp;
    std::uintptr_t pc;
    std::uintptr_t spilled[kSpillWords];
  };

  struct Place {
    std::uintptr_t fp;
    std::uintptr_t pc;
  };

  static void* prepare(void* stack_high, void (*entry)(void*)) noexcept;

  [[gnu::no_sanitize_address, gnu::no_sanitize_thread]] static Place saved_frame(const void* saved_sp) noexcept {
    const auto* suspended = static_cast<const Suspended*>(saved_sp);
    return {suspended->fp, suspended->pc};
  }

  [[gnu::no_sanitize_address, gnu::no_sanitize_thread]] static std::uintptr_t saved_low(const void* saved_sp) noexcept {
    return reinterpret_cast<std::uintptr_t>(static_cast<const Suspended*>(saved_sp)->fcontext);
  }

  // Boost's functions do not say where they end.
  static bool in_switch(std::uintptr_t, std::uintptr_t) noexcept { return false; }

  // No pause instruction that every CPU has; the compiler must still read the word anew.
  static void relax() noexcept { asm volatile("" ::: "memory"); }
};

}  // namespace causeway::arch::portable
