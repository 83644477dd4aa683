// SPDX-License-Identifier: MIT
//
// What base::fatal() prints below its line: the culprit's frames. Reachable from signal handlers but for install_fatal_hook().
#include <atomic>

#include "arch/arch.hpp"
#include "runtime/os/os.hpp"
#include "runtime/trace/module.hpp"
#include "runtime/trace/segment.hpp"
#include "runtime/trace/trace.hpp"

namespace causeway::trace {
namespace {

// release/acquire: what the function reads is set up before it is seen.
std::atomic<BoundsOf> bounds_slot{nullptr};

// The stack that holds `address`, if whoever fills the slot can prove it. An address in the guard below counts as its low end.
bool proven_bounds(uintptr_t address, uintptr_t* low, uintptr_t* high) noexcept {
  const BoundsOf bounds_of = bounds_slot.load(std::memory_order_acquire);
  return bounds_of != nullptr && bounds_of(address, low, high) && address < *high;
}

// As much of 64 KiB from sp upwards as can be read: asked of the kernel, page by page. False: nothing.
bool readable_bounds(uintptr_t sp, uintptr_t* low, uintptr_t* high) noexcept {
  constexpr uintptr_t kReach = 64 * 1024;
  const uintptr_t page = os::page_size();
  uintptr_t end = sp;
  while (end < sp + kReach) {
    char probe;
    if (!os::read_memory(&probe, reinterpret_cast<const void*>(end), 1)) break;
    end = end / page * page + page;
  }
  *low = sp;
  *high = end;
  return end > sp;
}

void print_culprit(void* context) noexcept {
  uintptr_t pc = 0, fp = 0, sp = 0;
  if (context != nullptr) {
    const os::ContextRegisters registers = os::context_registers(context);
    pc = registers.pc;
    fp = registers.fp;
    sp = registers.sp;
  } else {
    sp = fp = base::fatal_frame();
  }
  uintptr_t low = 0, high = 0;
  if (!proven_bounds(sp, &low, &high) && !readable_bounds(sp, &low, &high)) low = high = 0;
  if (low < sp) low = sp;  // frames of the culprit are above its sp
  // From fatal()'s own frame the first step leads to its caller.
  if (context == nullptr && !arch::step_frame(low, high, &fp, &pc)) return;
  size_t printed = print_segment(&pc, &fp, low, high, 0, kMaxFrames);
  // A frame pointer that leaves the stack comes from a pivot: go on where it leads, if that is proven to be a stack.
  constexpr int kHops = 16;
  for (int hop = 0; hop < kHops && printed < kMaxFrames; ++hop) {
    if (fp >= low && fp < high) break;  // ended inside: a chain that does not rise
    if (!proven_bounds(fp, &low, &high) || !arch::step_frame(low, high, &fp, &pc)) break;
    printed += print_segment(&pc, &fp, low, high, printed, kMaxFrames - printed);
  }
}

}  // namespace

void install_fatal_hook(BoundsOf bounds_of) noexcept {
  remember_program_name();
  bounds_slot.store(bounds_of, std::memory_order_release);
  base::set_fatal_trace_hook(&print_culprit);
}

}  // namespace causeway::trace
