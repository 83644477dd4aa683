// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers. No word of the program's memory is printed but what stands in registers, and that not in AT_SECURE processes.
#include "runtime/trace/crash_page.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/arch.hpp"
#include "runtime/trace/crash_frames.hpp"
#include "runtime/trace/module.hpp"

namespace causeway::trace {

namespace {

using sched::G;
using sched::M;

struct CodeName {
  int signal, code;
  std::string_view text;
};
constexpr CodeName kCodes[] = {
    {SIGSEGV, SEGV_MAPERR, "nothing is mapped there"},
    {SIGSEGV, SEGV_ACCERR, "no permission for this access"},
    {SIGBUS, BUS_ADRALN, "misaligned access"},
    {SIGBUS, BUS_ADRERR, "no memory behind the mapping, as beyond the end of a file"},
    {SIGBUS, BUS_OBJERR, "the device or file failed"},
    {SIGFPE, FPE_INTDIV, "integer division by zero"},
    {SIGFPE, FPE_INTOVF, "integer overflow"},
    {SIGFPE, FPE_FLTDIV, "floating-point division by zero"},
    {SIGFPE, FPE_FLTOVF, "floating-point overflow"},
    {SIGFPE, FPE_FLTUND, "floating-point underflow"},
    {SIGFPE, FPE_FLTRES, "inexact floating-point result"},
    {SIGFPE, FPE_FLTINV, "invalid floating-point operation"},
    {SIGILL, ILL_ILLOPC, "illegal instruction"},
    {SIGILL, ILL_ILLOPN, "illegal instruction"},
    {SIGILL, ILL_PRVOPC, "privileged instruction"},
    {SIGTRAP, TRAP_BRKPT, "breakpoint"},
};

constexpr uintptr_t kNull = 64 * 1024;  // members of a null object

bool has_address(int signal) noexcept { return signal == SIGSEGV || signal == SIGBUS; }

// Whose stack or guard it is, if it is one of ours; else a module.
void append_owner(Line& line, uintptr_t address) noexcept {
  const stack::Lookup found = sched::scheduler().stacks.lookup(address);
  if (found.found) {
    line.append(found.is_guard ? "; the guard below the stack of green thread " : "; in the stack of green thread ");
    if (const G* g = sched::green_on_stack(found.stack.low)) sched::append_identity(line, g);
    else line.append("?, which has ended");
    return;
  }
  stack::OverflowText text;
  if (sched::describe_system_stack(address, text)) {
    line.append("; ").append(text.view());
    return;
  }
  const Module module = module_of(address);
  if (module.known) line.append("; in ").append(module.name).append("+0x").append_hex(module.offset);
}

void append_range(Line& line, uintptr_t low, uintptr_t high) noexcept {
  line.append("[0x").append_hex(low).append(", 0x").append_hex(high).append(") of ").append_dec((high - low) >> 10).append(" KiB");
}

void append_state(Line& line, const G* g) noexcept {
  switch (g->state.load(std::memory_order_relaxed)) {
    case sched::GState::Free: line.append("free"); break;
    case sched::GState::Runnable: line.append("runnable"); break;
    case sched::GState::Running: line.append("running"); break;
    case sched::GState::Parked: line.append("parked"); break;
    case sched::GState::Dead: line.append("ended"); break;
  }
}

void print_stack(std::string_view name, uintptr_t low, uintptr_t high, uintptr_t used_from) noexcept {
  if (low >= high) return;
  Line line;
  line.append("  ").append(name).append(" ");
  append_range(line, low, high);
  if (used_from >= low && used_from < high) line.append(", ").append_dec((high - used_from + 1023) >> 10).append(" KiB in use");
  base::raw_write(line.append("\n").view());
}

// The loop that started the green thread, where it stands: the rest of the thread.
void print_loop(const M* m) noexcept {
  if (!arch::Cpu::kHasFrameRecords || m->system.sp == nullptr || m->foreign) return;
  const uintptr_t at = arch::saved_low(m->system.sp);
  if (at < m->stack_low || at >= m->stack_high) return;
  const arch::FramePlace place = arch::saved_frame(m->system.sp);
  uintptr_t pc = place.pc, fp = place.fp;
  constexpr int kMost = 8;
  for (int i = 0; i < kMost; ++i) {
    Line line;
    line.append("  system #").append_dec(static_cast<uint64_t>(i)).append(" ");
    append_code(line, pc, false);
    base::raw_write(line.append("\n").view());
    if (!arch::step_frame(at, m->stack_high, &fp, &pc)) return;
  }
}

}  // namespace

const char* signal_name(int signal) noexcept {
  switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    case SIGABRT: return "SIGABRT";
    case SIGTRAP: return "SIGTRAP";
  }
  return "a signal";
}

void print_what(int signal, const siginfo_t* info, const CrashPlace& place) noexcept {
  Line line;
  line.append("causeway: crash: ").append(signal_name(signal));
  if (info->si_code <= 0) {
    if (info->si_pid == static_cast<pid_t>(syscall(SYS_getpid))) line.append(", raised by the process itself");
    else line.append(", sent by process ").append_dec(static_cast<uint64_t>(info->si_pid));
    base::raw_write(line.append("\n").view());
    return;
  }
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  if (has_address(signal) && info->si_code == SI_KERNEL) {
    line.append(" at an address that the CPU does not tell: none that there can be, or the instruction is not allowed");
  } else if (has_address(signal)) {
    line.append(" at 0x").append_hex(address);
    for (const CodeName& each : kCodes)
      if (each.signal == signal && each.code == info->si_code) line.append(": ").append(each.text);
    if (address == place.at.pc) line.append("; a jump or call to it");
    if (address < kNull) line.append("; a null pointer, or a member behind one");
    else append_owner(line, address);
  } else {
    for (const CodeName& each : kCodes)
      if (each.signal == signal && each.code == info->si_code) line.append(": ").append(each.text);
  }
  base::raw_write(line.append("\n").view());
}

void print_where(const CrashPlace& place) noexcept {
  Line line;
  line.append("  in ").append(name_of(place.code)).append(": ");
  append_code(line, place.at.pc, place.at.exact);
  base::raw_write(line.append("\n").view());

  line.clear();
  char name[17] = "";
  prctl(PR_GET_NAME, name);
  line.append("  thread ").append_dec(static_cast<uint64_t>(os::thread_id())).append(" \"").append(name).append("\"");
  const M* m = place.m;
  if (m == nullptr) line.append(", which never called in");
  else if (m->foreign) line.append(", of the program");
  else line.append(", worker ").append_dec(m->id);
  if (m != nullptr && m->leaf != nullptr && os::this_m() == m) {
    line.append(", in a leaf call to ");
    append_code(line, reinterpret_cast<uintptr_t>(m->leaf), true);
  }
  base::raw_write(line.append("\n").view());

  if (place.g == nullptr) return;
  line.clear();
  line.append("  green thread ");
  sched::append_identity(line, place.g);
  line.append(", ");
  append_state(line, place.g);
  if (place.in_c) {
    line.append(", in a call to C: ");
    append_code(line, reinterpret_cast<uintptr_t>(place.g->out.function), true);
  }
  if (place.g->depth > 1) line.append(", ").append_dec(place.g->depth).append(" calls in deep");
  if (place.g->stop_requested.load(std::memory_order_relaxed) != 0) line.append(", asked to stop");
  base::raw_write(line.append("\n").view());
}

void print_stacks(const CrashPlace& place) noexcept {
  if (const G* g = place.g; g != nullptr) {
    const uintptr_t used = place.on_green_stack(place.at.sp) ? place.at.sp : g->out.place();
    print_stack("green stack", reinterpret_cast<uintptr_t>(g->stack.low), reinterpret_cast<uintptr_t>(g->stack.high), used);
  }
  const M* m = place.m;
  if (m == nullptr) return;
  if (!m->foreign) {
    print_stack("system stack", m->stack_low, m->stack_high, place.at.sp);
    if (place.g != nullptr && !place.g->in.active) print_loop(m);
    return;
  }
  const uintptr_t low = m->stacks.thread_low.load(std::memory_order_relaxed), high = m->stacks.thread_high.load(std::memory_order_relaxed);
  if (m->host.how != sched::KnownBy::Thread)
    print_stack("C stack (by a guess, or as declared)", m->host.low, m->host.low + m->host.bytes, place.at.sp);
  print_stack("the thread's own stack", low, high, place.at.sp);
}

void print_registers(const void* context) noexcept {
  os::RegisterValue values[os::kMostRegisters];
  size_t n = os::context_register_list(context, values, os::kMostRegisters);
  if (os::secure_process()) {
    const os::ContextRegisters at = os::context_registers(context);
    values[0] = {"pc", at.pc};
    values[1] = {"sp", at.sp};
    values[2] = {"fp", at.fp};
    n = 3;
  }
  constexpr size_t kInLine = 4;
  for (size_t i = 0; i < n; i += kInLine) {
    Line line;
    for (size_t k = i; k < n && k < i + kInLine; ++k)
      line.append(k == i ? "  " : "   ").append(values[k].name).append(" 0x").append_hex(values[k].value);
    base::raw_write(line.append("\n").view());
  }
}

}  // namespace causeway::trace
