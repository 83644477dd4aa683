// SPDX-License-Identifier: MIT
//
// One step from a frame to its caller, by call frame information (.eh_frame) or, where there is none, by the frame pointer. For code that the library
// did not compile: Debian's C library keeps no frame pointers, and no more does a host with -O2. Reachable from signal handlers.
//
// The tables are those of the module that holds the pc, found by _dl_find_object() without a lock and looked up by its sorted index. Understood is
// what gcc, clang and the C library's own assembly emit: rules of offset, same value, undefined and (short) expressions for the CFA, the frame
// pointer and the return address. Whatever else a table says ends the walk; nothing is guessed.
//
//   INV-CFI1  Tables are read inside the segment of their module that holds the index, stacks through Memory. Each loop is bounded by the bytes of one table entry.
//   INV-CFI2  Of a frame's registers sp, fp, pc and, before the first call, the return register are carried on; no code of ours keeps a CFA elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/trace/memory.hpp"

namespace causeway::trace {

struct Cursor {
  uintptr_t pc = 0;  // 0: not known, only fp is
  uintptr_t sp = 0;  // 0: not known
  uintptr_t fp = 0;
  uintptr_t link = 0;  // the return register, where a CPU has one and it holds the address; else 0
  bool exact = false;  // pc is an instruction, not an address to return to
};

// The rules of addresses that were looked up. Lives for one dump: a module that is unloaded takes its rules along.
class RuleCache {
 public:
  struct Rule {
    enum Kind : uint8_t { Missing, Same, Offset, Undefined };
    uintptr_t pc = 0;
    int32_t cfa_offset = 0, fp_offset = 0, return_offset = 0;
    bool cfa_from_fp = false, signal_frame = false;
    Kind fp = Missing, back = Missing;
  };
  static constexpr size_t kSlots = 4096;
  Rule& slot(uintptr_t pc) noexcept { return slots_[(pc ^ (pc >> 12)) % kSlots]; }

 private:
  Rule slots_[kSlots];
};

enum class Stepped : uint8_t {
  Done,  // *at is the caller
  End,   // there is no caller: the first frame of a thread or context
  Lost,  // not known; *at is as it was
};

// Signal-safe: yes. `cache` may be null.
Stepped step(Cursor* at, Memory& memory, RuleCache* cache) noexcept;

}  // namespace causeway::trace
