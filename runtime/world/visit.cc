// SPDX-License-Identifier: MIT
//
// Reads records and stacks of green threads that keep still (INV-WORLD1); allocates nothing, takes no lock.
#include "arch/arch.hpp"
#include "runtime/sched/sched.hpp"
#include "runtime/world/stopped.hpp"
#include "runtime/world/world.hpp"

namespace causeway::world {

namespace {

using crossing::Where;
using sched::G;
using sched::M;

constinit std::atomic<bool> stopped{false};

uintptr_t low_of(const G* g) noexcept { return reinterpret_cast<uintptr_t>(g->stack.low); }
uintptr_t high_of(const G* g) noexcept { return reinterpret_cast<uintptr_t>(g->stack.high); }
bool within(const G* g, uintptr_t sp) noexcept { return sp >= low_of(g) && sp < high_of(g); }

struct Place {
  uintptr_t sp, pc;
};

[[gnu::no_sanitize_address, gnu::no_sanitize_thread]] Place pivot_caller(const void* stack_high) noexcept {
  const uintptr_t returns_at = arch::pivot_caller(stack_high).pc_at;
  return {arch::pivot_caller_low(stack_high), returns_at != 0 ? *reinterpret_cast<const uintptr_t*>(returns_at) : 0};
}

// Its M halted while it ran, and M::halt says where. The gate first: an M in C may be coming back, and writes `current` before it looks.
bool is_halted(const G* g) noexcept {
  const M* m = g->m;
  return m != nullptr && m->gate.where() == Where::Halted && m->gate.own_anchor() == 0 && m->current == g;
}

// The lowest address of g's own stack that is in use, and where g goes on; sp 0: nothing is in use.
Place place_of(const G* g) noexcept {
  if (is_halted(g)) {
    const M* m = g->m;
    if (within(g, m->halt.sp)) return {m->halt.low, m->halt.pc};
    // A leaf call: the pivot to it has left where it began. Else g has not run yet: its M waits for a processor for it.
    return m->leaf != nullptr ? pivot_caller(reinterpret_cast<const void*>(sched::c_stack_high(m, g))) : Place{0, 0};
  }
  if (const uintptr_t sp = g->out.place(); sp != 0) {
    // It is the record of the function that went out; what that keeps of its caller's registers lies below, where a CPU's frames grow so. Nobody else
    // uses that stack meanwhile, unless g sleeps there itself.
    constexpr uintptr_t kKept = 256;
    return {g->out.c_sp != 0 && sp - low_of(g) > kKept ? sp - kKept : sp, g->out.pc};
  }
  return g->sp != nullptr ? Place{arch::saved_low(g->sp), arch::saved_frame(g->sp).pc} : Place{0, 0};
}

// Somebody changed one of the two while the world stood still, or before: never seen by a reader of the records, if INV-CR1 and INV-CR2 hold.
[[noreturn]] CW_COLD void out_of_bounds(const G* g, uintptr_t sp) noexcept {
  base::TextBuffer<256> text;
  text.append("green thread ").append_dec(g->id).append(": sp=0x").append_hex(sp).append(" outside [0x").append_hex(low_of(g));
  text.append(", 0x").append_hex(high_of(g)).append("]");
  base::fatal(base::FatalId::ScanOutOfBounds, text.view());
}

struct Visit {
  cw_visitor visitor;
  void* arg;
  int answer = 0;

  bool tell(const G* g, int kind, uintptr_t low, uintptr_t high, Place at) noexcept {
    const auto pointer = [](uintptr_t address) { return reinterpret_cast<const void*>(address); };
    const cw_segment segment{sizeof(cw_segment), g->id, kind, pointer(low), pointer(high), pointer(at.sp), pointer(at.pc)};
    answer = visitor(&segment, arg);
    return answer == 0;
  }

  bool tell_green(const G* g, Place at) noexcept {
    if (at.sp == 0) return true;
    if (!within(g, at.sp)) out_of_bounds(g, at.sp);
    return tell(g, CW_SEGMENT_USER, low_of(g), high_of(g), at) && tell_registers(g, at);
  }

  // What a signal interrupted g with: on the signal stack, or below what g uses of its own.
  bool tell_registers(const G* g, Place at) noexcept {
    if (!is_halted(g) || g->m->halt.registers.low == 0) return true;
    const os::MemoryRange& registers = g->m->halt.registers;
    return tell(g, CW_SEGMENT_REGISTERS, registers.low, registers.high, {registers.low, at.pc});
  }

  // The C code that a call in of g came from: from where the pivot left it up to where the call out around it began.
  bool tell_c(const G* g, Place green) noexcept {
    const G* outer = sched::outer_of(const_cast<G*>(g));
    if (!g->in.active || outer == nullptr || !outer->out.in_c()) return true;
    Place at{0, 0};
    if (green.sp != 0) at = pivot_caller(g->in.high);
    else if (is_halted(g)) at = {g->m->halt.low, g->m->halt.pc};  // on the way in, before the pivot
    const uintptr_t high = outer->out.c_sp;
    return at.sp == 0 || at.sp >= high || tell(outer, CW_SEGMENT_C, at.sp, high, at);
  }
};

}  // namespace

bool is_stopped() noexcept { return stopped.load(std::memory_order_relaxed); }
void set_stopped(bool now) noexcept { stopped.store(now, std::memory_order_relaxed); }

cw_status visit(cw_visitor visitor, void* arg, Parts parts) noexcept {
  if (!stopped_by_us()) return CW_E_STATE;
  Visit visit{visitor, arg};
  const sched::Arena* arena = sched::scheduler().arena;
  for (uint32_t i = 0, n = arena->used(); i < n && visit.answer == 0; ++i) {
    const G* g = arena->at(i);
    if (g == nullptr || !sched::in_progress(g) || g->stack.high == nullptr) continue;
    const Place at = place_of(g);
    if (!visit.tell_green(g, at) || (parts == Parts::GreenAndC && !visit.tell_c(g, at))) break;
  }
  return CW_OK;
}

}  // namespace causeway::world
