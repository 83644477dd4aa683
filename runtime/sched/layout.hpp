// SPDX-License-Identifier: MIT
//
// The layout table: where things lie in the records of this runtime, by name, for debuggers that look from outside (tools/gdb).
//
// A constant of its own section, `causeway_layout`, whose header outlives `strip`: a debugger finds it, and reads a process or a core without
// debug information and without symbols. Nothing in the library reads it. Decision 0019 says why.
//
//   INV-LAY1  A name keeps its meaning. What changes in meaning gets a new name, or kVersion rises; the script says which it can read.
#pragma once

#include <cstddef>
#include <cstdint>

namespace causeway::sched {

struct LayoutField {
  char name[24];    // "G.sp"; "switch.rbx" is a register in the frame at a saved sp, by the debugger's name of it
  uint32_t offset;  // or, where bytes is 0, a plain number
  uint32_t bytes;
};

struct LayoutTable {
  static constexpr uint32_t kVersion = 1, kFields = 64;

  char magic[8];  // "CWLAYOUT"
  uint32_t version;
  uint32_t bytes;  // of the table
  char cpu[16];    // arch::Cpu::kName
  const void* process;
  const void* scheduler;
  const void* foreign;     // foreign::Places
  const void* pivot_back;  // cw_arch_pivot_back, which points to where a pivot goes on; null: not to be gone through from outside
  uint64_t field_count;
  LayoutField fields[kFields];
};

extern const LayoutTable layout_table;

}  // namespace causeway::sched
