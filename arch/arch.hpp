// SPDX-License-Identifier: MIT
//
// The CPU layer: everything that depends on the machine's registers, behind one contract. Used by every row above.
//
// May include: nothing of ours (row 2). The contract is written here, once; arch/<cpu>/<cpu>.hpp supplies a struct `Cpu` and
// arch/<cpu>/*.S the functions below; the concept CpuLayer at the end refuses a CPU that leaves something out.
// meson.build defines exactly one CW_CPU_<NAME>. arch/README.md has the stack diagrams and the steps for a new CPU.
//
//   INV-AR1  A context is one pointer, the saved sp, and lies on its own stack. It may be resumed, from any thread, once the
//            switch that saved it has landed in the other context; not when *save_sp is seen, which is earlier.
//   INV-AR2  The walk of frames (unwind tables, frame pointers) ends at the first frame of a context, and goes on over a
//            pivot to the stack that it was made from (arch/portable: unwind tables end at a pivot).
//   INV-AR3  What the ABI calls callee-saved, the floating-point control word as <fenv.h> sets it included, belongs to the context.
//            (x86_64: what sets mxcsr alone, flush to zero for instance, belongs to the OS thread: put it back before a switch.)
//   INV-AR4  Nothing here reads thread-local storage, touches the signal mask, allocates, or makes a system call.
//
// Not here: sanitizer annotations, the C++ exception globals and errno travel with a green thread by the scheduler's hand.
// Not chosen: inline assembly that clobbers everything instead of saving (a caller that is not inlined spills the same
// registers, and gcc 12 has no red-zone clobber); a jump instead of a return (leaves the return predictor one entry behind).
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "arch/float_control.hpp"
#include "arch/register_call.hpp"
#include "arch/stubs.h"

#if defined(CW_CPU_X86_64)
#include "arch/x86_64/x86_64.hpp"
namespace causeway::arch {
using Cpu = x86_64::Cpu;
}
#elif defined(CW_CPU_AARCH64)
#include "arch/aarch64/aarch64.hpp"
namespace causeway::arch {
using Cpu = aarch64::Cpu;
}
#elif defined(CW_CPU_PORTABLE)
#include "arch/portable/portable.hpp"
namespace causeway::arch {
using Cpu = portable::Cpu;
}
#else
#error "no CPU chosen: build with meson, which defines CW_CPU_X86_64, CW_CPU_AARCH64 or CW_CPU_PORTABLE"
#endif

namespace causeway::arch {

// What cw_arch_capture() fills in. Members sp, fp and pc exist on every CPU; the rest are the callee-saved registers, so that a
// conservative scan of this object sees every pointer that the caller holds only in a register.
using Registers = Cpu::Registers;

using EntryFunction = void (*)(void* value);
using WordsFunction = std::uint64_t (*)(std::uint64_t, std::uint64_t, std::uint64_t);
using PivotFunction = void* (*)(void* argument);

// A place in a stack, as a frame-pointer walk needs it.
struct FramePlace {
  std::uintptr_t fp;
  std::uintptr_t pc;
};

}  // namespace causeway::arch

extern "C" {

// Leaves the running context and resumes the one saved at `load_sp`.
//
// Saves the callee-saved registers and the floating-point control word (sticky exception flags: no promise, the ABI gives them to
// the caller) below the caller's sp, stores the saved sp to *save_sp, and returns `value` in the other context: from its own call of this
// function, or as the argument of its entry. Returns when somebody switches back, possibly on another OS thread.
//
// Stack:       the running context's; needs kSwitchFrameBytes of it
// Threads:     load_sp is resumed once per save; whoever lands tells others that *save_sp is ready (release, INV-AR1)
// Signal-safe: no
// Speed:       it leaves by a return, which the CPU predicts when the resumed context left from the same call site. So the runtime
//              has one function that calls this; with several call sites each switch costs a mispredicted return.
[[gnu::visibility("hidden")]] void* cw_arch_switch(void** save_sp, void* load_sp, void* value) noexcept;

// Runs fn(argument) on the stack that ends at `stack_high` (rounded down to 16) and returns its result: a plain nested call
// whose frames lie elsewhere. The other stack may be higher or lower. C++ exceptions, forced unwinding, _Unwind_Backtrace,
// gdb and frame-pointer walks pass from fn to the caller.
//
// Stack:       the caller's: 32 bytes (arch/portable: more); the other: the topmost 16 bytes, then fn's. pivot_caller_low() reads them
// Pairs with:  itself: returns once, by return or by unwinding (or never, when a longjmp skips it)
// Not noexcept: whatever fn throws comes out here.
[[gnu::visibility("hidden")]] void* cw_arch_pivot(void* stack_high, causeway::arch::PivotFunction fn, void* argument);

#if !defined(CW_CPU_PORTABLE)
// What is told when an unwinder passes cw_arch_pivot_inner (out) or cw_arch_pivot_words (in): on the caller's stack, with the pivot's `stack_high`. The
// unwinding goes on when it returns; it throws nothing. Defined by the rows that pivot; null: nobody is told. `exception`: struct _Unwind_Exception
[[gnu::visibility("hidden")]] extern void (*const cw_arch_unwound_out)(void* exception, void* stack_high);
[[gnu::visibility("hidden")]] extern void (*const cw_arch_unwound_in)(void* exception, void* stack_high);

// The same in one frame instead of two, a call less. For a caller without a landing pad around the call (no try block, no destructor to run): an
// unwinder takes the address that this returns to for an interrupted instruction, and would miss the pad.
[[gnu::visibility("hidden")]] void* cw_arch_pivot_inner(void* stack_high, causeway::arch::PivotFunction fn, void* argument);

// cw_arch_pivot_inner with three arguments and a result; its caller has no landing pad either. Needs: stack_high a multiple of 16
[[gnu::visibility("hidden")]] std::uint64_t cw_arch_pivot_words(std::uint64_t a, std::uint64_t b, std::uint64_t c, void* stack_high,
                                                                causeway::arch::WordsFunction fn);

// Where what cw_arch_pivot_inner called returns to. For debuggers.
[[gnu::visibility("hidden")]] extern const void* const cw_arch_pivot_back;
#endif

// Stores the caller's callee-saved registers, its sp and fp, and the address it goes on at.
//
// Signal-safe: yes
[[gnu::visibility("hidden")]] void cw_arch_capture(causeway::arch::Registers* out) noexcept;

// A table of code pointers with data of their own: stub i, CW_ARCH_STUB_BYTES behind the one before, puts the address of data block i
// (CW_ARCH_STUB_DATA_BYTES each) into the static chain register of the ABI and jumps to the address in the first word of the block. All arguments arrive
// as C passed them. Both begin at a 4 KiB boundary, and the code pages hold nothing else: mapped once more, with data at the same distance, they are
// another table. A CPU without one has CW_ARCH_STUBS 0.
[[gnu::visibility("hidden")]] extern const std::byte cw_arch_stubs[];
[[gnu::visibility("hidden")]] extern std::byte cw_arch_stub_data[];

}  // extern "C"

namespace causeway::arch {

inline constexpr const char* kName = Cpu::kName;

// Bytes that a suspended context occupies below the sp of its caller (arch/portable: an upper bound).
inline constexpr std::size_t kSwitchFrameBytes = Cpu::kSwitchFrameBytes;

// Whether unwinders (exceptions, _Unwind_Backtrace, debuggers) pass a pivot by themselves. Exceptions come out of it in any case.
inline constexpr bool kUnwindsOverPivot = Cpu::kUnwindsOverPivot;

// Every stack pointer that this layer takes or hands to a function is a multiple of this.
inline constexpr std::size_t kStackAlignment = 16;

// Makes a context on an unused stack. The switch that resumes the result calls entry(value) with its own `value`, sp aligned as
// after a call, the floating-point control word as the ABI defines it at process start, and no frame above. entry must not
// return: the instruction after it traps.
//
// Stack:       writes at most kSwitchFrameBytes below stack_high (rounded down to 16); one cache line on x86_64
// Signal-safe: no
inline void* prepare(void* stack_high, EntryFunction entry) noexcept { return Cpu::prepare(stack_high, entry); }

// Where a saved context goes on: frame pointer and address of the caller of cw_arch_switch (fp 0 before the first entry).
// The context must stay suspended during the call.
//
// Signal-safe: yes
inline FramePlace saved_frame(const void* saved_sp) noexcept {
  const auto place = Cpu::saved_frame(saved_sp);
  return {place.fp, place.pc};
}

// Lowest address that a saved context uses: a scan of its stack starts here (equal to saved_sp, except on arch/portable).
//
// Signal-safe: yes
inline std::uintptr_t saved_low(const void* saved_sp) noexcept { return Cpu::saved_low(saved_sp); }

// Is pc an address inside the code of cw_arch_switch, or of a context's first instructions? False on arch/portable, where that is not known.
//
// Signal-safe: yes
inline bool in_switch(std::uintptr_t pc) noexcept { return Cpu::in_switch(pc, reinterpret_cast<std::uintptr_t>(&cw_arch_switch)); }

// While a pivot to the stack that ends at `stack_high` is under way: the lowest address that its caller's stack uses.
//
// Signal-safe: yes
[[gnu::no_sanitize_address, gnu::no_sanitize_thread]] inline std::uintptr_t pivot_caller_low(const void* stack_high) noexcept {
  return reinterpret_cast<const std::uintptr_t*>(reinterpret_cast<std::uintptr_t>(stack_high) & ~(kStackAlignment - 1))[-2];
}

// One step of a frame-pointer walk. *fp must be the address of a frame record that lies wholly inside [low, high) and is aligned;
// *pc becomes the return address stored there and *fp the caller's record. False, with both unchanged, when it does not or when
// the chain would not rise: nothing outside the bounds is ever read and a walk within one stack ends. After a step *fp may lie
// outside the bounds: 0 at the first frame of a context, an address of another stack after a pivot, where the caller goes on
// with that stack's bounds.
//
// Stack:       any; [low, high) must be mapped and readable
// Signal-safe: yes
[[gnu::no_sanitize_address, gnu::no_sanitize_thread]] inline bool step_frame(std::uintptr_t low, std::uintptr_t high, std::uintptr_t* fp,
                                                                             std::uintptr_t* pc) noexcept {
  constexpr std::uintptr_t kWord = sizeof(std::uintptr_t);
  if constexpr (!Cpu::kHasFrameRecords) return false;
  const std::uintptr_t at = *fp;
  if (at < low || at >= high || high - at < 2 * kWord || at % kWord != 0) return false;
  const auto* record = reinterpret_cast<const volatile std::uintptr_t*>(at);
  const std::uintptr_t next = record[0];
  const std::uintptr_t address = record[1];
  if (address == 0 || (next >= low && next <= at)) return false;
  *fp = next;
  *pc = address;
  return true;
}

// Tells the CPU that this is a spinning loop.
inline void relax() noexcept { Cpu::relax(); }

// What arch/<cpu>/<cpu>.hpp must supply.
template <class C>
concept CpuLayer = requires(typename C::Registers registers, void* stack_high, void (*entry)(void*), const void* saved_sp) {
  { C::kName } -> std::convertible_to<const char*>;
  requires C::kSwitchFrameBytes % kStackAlignment == 0;
  // Frames are records {caller's fp, return address} that fp points to.
  { C::kSavedRegisters[0].name } -> std::convertible_to<const char*>;
  { C::kSavedRegisters[0].offset } -> std::convertible_to<std::size_t>;
  { C::kHasFrameRecords } -> std::convertible_to<bool>;
  { C::kUnwindsOverPivot } -> std::convertible_to<bool>;
  { registers.sp } -> std::same_as<std::uintptr_t&>;
  { registers.fp } -> std::same_as<std::uintptr_t&>;
  { registers.pc } -> std::same_as<std::uintptr_t&>;
  { C::prepare(stack_high, entry) } noexcept -> std::same_as<void*>;
  { C::saved_frame(saved_sp).fp } -> std::convertible_to<std::uintptr_t>;
  { C::saved_frame(saved_sp).pc } -> std::convertible_to<std::uintptr_t>;
  requires noexcept(C::saved_frame(saved_sp));
  { C::saved_low(saved_sp) } noexcept -> std::same_as<std::uintptr_t>;
  { C::in_switch(registers.pc, registers.sp) } noexcept -> std::same_as<bool>;
  { C::relax() } noexcept;
};
static_assert(CpuLayer<Cpu>, "the chosen CPU's header does not fulfil the contract of arch/arch.hpp");

}  // namespace causeway::arch

#include "arch/unwind.hpp"  // IWYU pragma: export
