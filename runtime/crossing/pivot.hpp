// SPDX-License-Identifier: MIT
//
// A pivot that sanitizers know of: cw_arch_pivot (arch/arch.hpp), and in AddressSanitizer builds the notices about the change of stacks.
// TSan needs none: a pivot is a nested call, and its shadow stack does not care where frames lie.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/arch.hpp"
#include "runtime/base/base.hpp"

#if CW_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace causeway::crossing {

#if CW_ASAN
struct AnnouncedPivot {
  arch::PivotFunction fn;
  void* argument;
  const void* caller_low = nullptr;
  size_t caller_bytes = 0;

  static void* run(void* self) {
    auto* me = static_cast<AnnouncedPivot*>(self);
    __sanitizer_finish_switch_fiber(nullptr, &me->caller_low, &me->caller_bytes);
    struct Back {  // on every way out
      AnnouncedPivot* pivot;
      ~Back() { __sanitizer_start_switch_fiber(nullptr, pivot->caller_low, pivot->caller_bytes); }
    } back{me};
    return me->fn(me->argument);
  }
};
#endif

// Runs fn(argument) on the stack [low, high), below `high`. top: where that stack ends, if frames above `high` are on it too; what jumps over frames
// (longjmp) clears AddressSanitizer's marks up to there.
CW_ALWAYS_INLINE void* pivot([[maybe_unused]] uintptr_t low, void* high, arch::PivotFunction fn, void* argument,
                             [[maybe_unused]] uintptr_t top = 0) {
#if CW_ASAN
  AnnouncedPivot announced{fn, argument};
  void* fake = nullptr;
  struct Landed {
    void*& fake;
    bool returned = false;
    ~Landed() {
      __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
      // Whoever began the unwinding has cleared the marks of the frames on its own stack; those on this one are left without their ends too.
      if (!returned) __asan_handle_no_return();
    }
  } landed{fake};
  __sanitizer_start_switch_fiber(&fake, reinterpret_cast<const void*>(low), (top != 0 ? top : reinterpret_cast<uintptr_t>(high)) - low);
  void* result = cw_arch_pivot(high, &AnnouncedPivot::run, &announced);
  landed.returned = true;
  return result;
#else
  return cw_arch_pivot(high, fn, argument);
#endif
}

// The same for a caller without a landing pad around it, and a function without a result. The shortest way there and back.
CW_ALWAYS_INLINE void pivot_bare(uintptr_t low, void* high, void (*fn)(void*), void* argument, [[maybe_unused]] uintptr_t top = 0) {
#if CW_ASAN || defined(CW_CPU_PORTABLE)
  struct Call {
    void (*fn)(void*);
    void* argument;
    static void* run(void* self) {
      const Call& call = *static_cast<const Call*>(self);
      call.fn(call.argument);
      return nullptr;
    }
  } call{fn, argument};
  pivot(low, high, &Call::run, &call, top);
#else
  static_cast<void>(low);
  // What it leaves in the result's register is not looked at.
  cw_arch_pivot_inner(high, reinterpret_cast<arch::PivotFunction>(reinterpret_cast<void*>(fn)), argument);
#endif
}

// The same with arguments and a result. high: a multiple of 16
using WordsFunction = uint64_t (*)(uint64_t, uint64_t, uint64_t);
CW_ALWAYS_INLINE uint64_t pivot_words(uintptr_t low, void* high, WordsFunction fn, uint64_t a, uint64_t b, uint64_t c) {
#if CW_ASAN || defined(CW_CPU_PORTABLE)
  struct Call {
    WordsFunction fn;
    uint64_t a, b, c, result;
    static void run(void* self) {
      Call& call = *static_cast<Call*>(self);
      call.result = call.fn(call.a, call.b, call.c);
    }
  } call{fn, a, b, c, 0};
  pivot_bare(low, high, &Call::run, &call);
  return call.result;
#else
  static_cast<void>(low);
  return cw_arch_pivot_words(a, b, c, high, fn);
#endif
}

#if CW_ASAN || defined(CW_CPU_PORTABLE)
// Around a pivot, in builds in which the pivot itself does not tell the hook (arch.hpp) that it is left by unwinding.
template <void (*hook)(void* exception, void* stack_high)>
class TellsUnwinding {
 public:
  explicit TellsUnwinding(void* stack_high) noexcept : stack_high_(stack_high) {}
  ~TellsUnwinding() {
    if (!returned_) hook(nullptr, stack_high_);
  }
  TellsUnwinding(const TellsUnwinding&) = delete;
  TellsUnwinding& operator=(const TellsUnwinding&) = delete;
  void returned() noexcept { returned_ = true; }

 private:
  void* stack_high_;
  bool returned_ = false;
};
#endif

}  // namespace causeway::crossing
