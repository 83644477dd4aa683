// SPDX-License-Identifier: MIT
//
// Tracebacks as text, and profiles of stacks: what cw_traceback() and cw_green_profile() answer. Reads files and allocates; without memory, less is
// named.
//
//   green thread 17 "reader": waits for receive 0x7ffd1234, for 1200 ms; spawned by green thread 3 at main (prog+0x1234)
//     #0 receive_rows(causeway::channel<row>&) at rows.cc:40 (prog+0x5678)
//     ---- callback: C calls green thread 17 ----
//     #1 on_row at rows.c:12 (librows.so+0x46d8)
//     ---- call to C: sqlite3_exec ----
//     #2 query() at rows.cc:71 (prog+0x9abc)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "causeway/causeway.h"
#include "runtime/trace/across.hpp"

namespace causeway::trace {

// A buffer of the caller's that takes whole lines only, and counts what there would be.
class TextSink {
 public:
  // n 0: only counts, and `to` may be null.
  TextSink(char* to, size_t n) noexcept : to_(to), room_(n == 0 ? 0 : n - 1) {
    if (n != 0) to_[0] = '\0';
  }
  // One or more lines, each with its end.
  void lines(std::string_view text) noexcept;
  size_t size() const noexcept { return size_; }

 private:
  char* to_;
  size_t room_, size_ = 0, kept_ = 0;
  bool full_ = false;
};

// The calling thread, or what it runs, from `from` outwards; frames inside of the one that returns to `caller` are left out.
// Stack: no green thread's (INV-AC2). Needs: not inside the runtime, not in a signal's handler
void dump_self(const Cursor& from, uintptr_t caller, TextSink* to) noexcept;

// All green threads, or one.
// Stack: as dump_self(). Errors: as Collection::collect(), CW_E_STALE (no green thread has that id)
cw_status dump_green(uint64_t id, TextSink* to) noexcept;

// Equal stacks of all green threads, most frequent first. *count: how many there are, also beyond n.
cw_status profile_green(cw_stack_record* records, size_t n, size_t* count) noexcept;

}  // namespace causeway::trace
