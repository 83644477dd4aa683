// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers: reads the walked stack inside the given bounds, writes to stderr, nothing else.
#include <cerrno>

#include "arch/arch.hpp"
#include "runtime/trace/module.hpp"
#include "runtime/trace/segment.hpp"
#include "runtime/trace/trace.hpp"

namespace causeway::trace {

size_t walk(uintptr_t pc, uintptr_t fp, uintptr_t low, uintptr_t high, uintptr_t* out_pcs, size_t n) noexcept {
  if (n == 0) return 0;
  size_t count = 0;
  out_pcs[count++] = pc;
  while (count < n && arch::step_frame(low, high, &fp, &pc)) out_pcs[count++] = pc;
  return count;
}

size_t print_segment(uintptr_t* pc, uintptr_t* fp, uintptr_t low, uintptr_t high, size_t first, size_t max) noexcept {
  size_t printed = 0;
  while (printed < max) {
    const Module module = module_of(*pc);
    base::TextBuffer<256> line;
    line.append("  #").append_dec(first + printed).append(" 0x").append_hex(*pc).append(" ").append(module.name);
    if (module.known) line.append("+0x").append_hex(module.offset);
    line.append("\n");
    base::raw_write(line.view());
    ++printed;
    if (!arch::step_frame(low, high, fp, pc)) break;
  }
  return printed;
}

size_t print_frames(uintptr_t pc, uintptr_t fp, uintptr_t low, uintptr_t high, size_t max) noexcept {
  const int saved = errno;
  const size_t printed = print_segment(&pc, &fp, low, high, 0, max);
  errno = saved;
  return printed;
}

}  // namespace causeway::trace
