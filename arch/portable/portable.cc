// SPDX-License-Identifier: MIT
//
// CPU layer on Boost.Context's fcontext: switch, first entry, pivot and register capture for any CPU.
//
// fcontext hands the pointer of the context that was left to the one that is entered. So the store to *save_sp, which our own
// assembly makes before it leaves, is made here by whoever lands; INV-AR1 is worded for both.
//
// Every function that crosses stacks is kept free of sanitizer instrumentation: locals must lie on the real stack, and an
// instrumented function that is entered on one stack and left on another would confuse the shadow call stack.
#include <cfenv>
#include <cstring>
#include <exception>
#include <utility>

#include <cxxabi.h>

#include <boost/context/detail/fcontext.hpp>

#include "arch/arch.hpp"

#if defined(__clang__)
#define CW_UNINSTRUMENTED __attribute__((noinline, disable_sanitizer_instrumentation))
#else
#define CW_UNINSTRUMENTED __attribute__((noinline, no_sanitize_address, no_sanitize_thread, no_sanitize_undefined))
#endif

namespace causeway::arch::portable {
namespace {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

// make_fcontext() takes a size that no ELF target looks at.
constexpr std::size_t kUnusedSize = 4096;

// Rounding, traps, flush to zero: what INV-AR3 asks to travel. fcontext moves it on x86 only.
class FpControl {
 public:
#if defined(__x86_64__)
  void save() noexcept {}
  void restore() const noexcept {}
#elif defined(FE_DFL_MODE)
  void save() noexcept { fegetmode(&mode_); }
  void restore() const noexcept {
    femode_t now;
    fegetmode(&now);
    if (std::memcmp(&now, &mode_, sizeof(now)) != 0) fesetmode(&mode_);
  }
#else
  void save() noexcept { std::fegetenv(&mode_); }
  void restore() const noexcept { std::fesetenv(&mode_); }
#endif

  static void load_initial() noexcept {
#if defined(FE_DFL_MODE)
    fesetmode(FE_DFL_MODE);
#else
    std::fesetenv(FE_DFL_ENV);
#endif
  }

 private:
#if defined(__x86_64__)
#elif defined(FE_DFL_MODE)
  femode_t mode_;
#else
  std::fenv_t mode_;
#endif
};

// What the context that is left tells the one that is entered. On the stack of the former, which stays suspended meanwhile.
struct Transfer {
  Suspended* leaving;
  void** save_sp;
  Suspended* entering;
  void* value;
};

// First act in the entered context: completes the save of the one that was left.
CW_UNINSTRUMENTED Transfer land(transfer_t arrival) noexcept {
  const Transfer transfer = *static_cast<Transfer*>(arrival.data);
  transfer.leaving->fcontext = arrival.fctx;
  *transfer.save_sp = transfer.leaving;
  return transfer;
}

// First frame of a context; INV-AR2: its record of the frame chain says that there is no caller. Boost leaves junk there.
CW_UNINSTRUMENTED void first_frame(transfer_t arrival) noexcept {
  if constexpr (Cpu::kHasFrameRecords) *static_cast<void* volatile*>(__builtin_frame_address(0)) = nullptr;
  const Transfer transfer = land(arrival);
  FpControl::load_initial();
  transfer.entering->entry(transfer.value);
  __builtin_trap();
}

enum class Outcome : std::uint8_t { Returned, Thrown, Foreign };

struct PivotCall {
  PivotFunction fn;
  void* argument;
  void* caller_frame;
  void* low_slot;  // for pivot_caller_low()
  void* result = nullptr;
  std::exception_ptr thrown;
  Outcome outcome = Outcome::Returned;
};

// First frame on the other stack of a pivot. Leaves by a jump, always, so its record may point at the caller's.
CW_UNINSTRUMENTED void pivot_frame(transfer_t arrival) {
  auto& call = *static_cast<PivotCall*>(arrival.data);
  if constexpr (Cpu::kHasFrameRecords) *static_cast<void* volatile*>(__builtin_frame_address(0)) = call.caller_frame;
  *static_cast<void* volatile*>(call.low_slot) = arrival.fctx;  // Boost saves the caller's registers at its lowest address
  try {
    call.result = call.fn(call.argument);
  } catch (...) {
    call.thrown = std::current_exception();
    if (call.thrown != nullptr) {
      call.outcome = Outcome::Thrown;
    } else {
      // Not a C++ exception: thread exit, cancellation, another language. It cannot be copied, and leaving this handler would
      // end it (glibc aborts then). So the handler is abandoned where it stands, and the caller throws on what is being handled.
      call.outcome = Outcome::Foreign;
      jump_fcontext(arrival.fctx, nullptr);
    }
  }
  jump_fcontext(arrival.fctx, nullptr);
  __builtin_trap();
}

// The calling thread's exception state, as the Itanium C++ ABI lays it out.
struct ExceptionGlobals {
  void* caught;
  unsigned int uncaught;
};

// Throws on what the abandoned handler on the other stack is handling. libstdc++ counts such an exception as thrown once more and
// never takes it back when a handler catches it, so the count goes down before it goes up.
// Not inlined: the address of thread-local state must be asked for after the jump.
[[noreturn]] CW_UNINSTRUMENTED void throw_again() {
  --reinterpret_cast<ExceptionGlobals*>(abi::__cxa_get_globals())->uncaught;
  throw;
}

}  // namespace

CW_UNINSTRUMENTED void* Cpu::prepare(void* stack_high, void (*entry)(void*)) noexcept {
  const std::uintptr_t top = reinterpret_cast<std::uintptr_t>(stack_high) & ~std::uintptr_t{15};
  static_assert(sizeof(Suspended) % kStackAlignment == 0);
  auto* suspended = reinterpret_cast<Suspended*>(top - sizeof(Suspended));
  suspended->fcontext = make_fcontext(suspended, kUnusedSize, first_frame);
  suspended->fp = 0;
  // One past the start: walkers look up the byte before a return address.
  suspended->pc = reinterpret_cast<std::uintptr_t>(&first_frame) + 1;
  suspended->entry = entry;
  return suspended;
}

}  // namespace causeway::arch::portable

using causeway::arch::portable::Cpu;

extern "C" {

CW_UNINSTRUMENTED void* cw_arch_switch(void** save_sp, void* load_sp, void* value) noexcept {
  using namespace causeway::arch::portable;
  auto* entering = static_cast<Suspended*>(load_sp);
  Suspended self{nullptr, 0, reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)), nullptr};
  if constexpr (Cpu::kHasFrameRecords) self.fp = *static_cast<std::uintptr_t*>(__builtin_frame_address(0));
  FpControl control;
  control.save();
  Transfer transfer{&self, save_sp, entering, value};
  const Transfer landed = land(jump_fcontext(entering->fcontext, &transfer));
  control.restore();
  return landed.value;
}

CW_UNINSTRUMENTED void* cw_arch_pivot(void* stack_high, causeway::arch::PivotFunction fn, void* argument) {
  using namespace causeway::arch::portable;
  const std::uintptr_t top = (reinterpret_cast<std::uintptr_t>(stack_high) & ~std::uintptr_t{15}) - 16;
  PivotCall call{fn, argument, __builtin_frame_address(0), reinterpret_cast<void*>(top), nullptr, nullptr, Outcome::Returned};
  jump_fcontext(make_fcontext(reinterpret_cast<void*>(top), kUnusedSize, pivot_frame), &call);
  if (call.outcome == Outcome::Thrown) std::rethrow_exception(std::move(call.thrown));
  if (call.outcome == Outcome::Foreign) throw_again();
  return call.result;
}

// Makes the compiler spill every callee-saved register into this frame, and copies the frame.
CW_UNINSTRUMENTED void cw_arch_capture(causeway::arch::Registers* out) noexcept {
  __builtin_unwind_init();
  const auto* low = static_cast<const volatile std::uintptr_t*>(__builtin_alloca(causeway::arch::kStackAlignment));
  const auto* high = static_cast<const volatile std::uintptr_t*>(__builtin_dwarf_cfa());
  for (std::size_t i = 0; i < Cpu::kSpillWords; ++i) out->spilled[i] = low + i < high ? low[i] : 0;
  out->sp = reinterpret_cast<std::uintptr_t>(high);
  out->fp = Cpu::kHasFrameRecords ? *static_cast<std::uintptr_t*>(__builtin_frame_address(0)) : 0;
  out->pc = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
}

}  // extern "C"

#undef CW_UNINSTRUMENTED
