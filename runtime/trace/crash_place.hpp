// SPDX-License-Identifier: MIT
//
// Where a thread was when it crashed, or called fatal(): which code, and which green thread it worked for. Reachable from signal handlers.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/os/os.hpp"
#include "runtime/sched/sched.hpp"
#include "runtime/trace/across.hpp"

namespace causeway::trace {

enum class Code : uint8_t {
  Managed,  // of a green thread
  C,        // that a green thread called, or of a thread that may call in
  Runtime,  // ours
  Switch,   // the one function that changes green threads
  Handler,  // a signal handler's
  Unknown,  // of a thread that never called in
};

struct CrashPlace {
  Code code = Code::Unknown;
  const sched::M* m = nullptr;  // null: the thread has none
  const sched::G* g = nullptr;  // the innermost green thread of the thread; null: none
  bool in_c = false;            // g is in a call out
  Cursor at;                    // pc 0: of the caller of the function whose frame is at sp
  os::AddressRange alternate;   // its signal stack

  // Is `address` on the green thread's own stack?
  bool on_green_stack(uintptr_t address) const noexcept {
    return g != nullptr && address >= reinterpret_cast<uintptr_t>(g->stack.low) && address < reinterpret_cast<uintptr_t>(g->stack.high);
  }
};

// Of the calling thread, interrupted at `context`. Code::Handler only where its signal stack tells: who has the frames may know better.
CrashPlace place_of(const void* context) noexcept;
// Of the calling thread, in the caller of the function whose frame is at fp.
CrashPlace place_of_caller(uintptr_t fp) noexcept;

// `C code`, `managed code`, and so on.
std::string_view name_of(Code code) noexcept;

}  // namespace causeway::trace
