// SPDX-License-Identifier: MIT
//
// The end of the process on purpose: one named line, the culprit's frames, then the end.
//
//   causeway: fatal: <id>: <text>
//
// Works on every stack with a few KiB left, without an M, in a signal handler, with stderr closed or a full pipe behind it.
//
//   INV-FATAL1  One report per process: the first thread that gets here reports, others wait for the end.
//   INV-FATAL2  A fatal error while reporting ends at once: no second report, no trace, no loop.
//   INV-FATAL3  From the first byte to the end at most a second is spent on a stderr that takes nothing (raw_write.hpp).
//
// `stack-out-of-bounds` ends with _exit(2) and no core; all other ids abort(), so that the core shows the frame that failed and a handler
// of the host for SIGABRT still runs.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/base/config.h"

namespace causeway::base {

// X(enumerator, the id as printed). The ids are a published format: never renamed.
#define CW_FATAL_ID_LIST(X)                       \
  X(StackOverflow, "stack-overflow")              \
  X(SystemStackOverflow, "system-stack-overflow") \
  X(StackOutOfBounds, "stack-out-of-bounds")      \
  X(LeafCalledBack, "leaf-called-back")           \
  X(CallFrameInvalid, "call-frame-invalid")       \
  X(ScanOutOfBounds, "scan-out-of-bounds")        \
  X(TracebackOwnStack, "traceback-own-stack")     \
  X(RetiredResumed, "retired-resumed")            \
  X(LockedMoved, "locked-moved")                  \
  X(UncaughtException, "uncaught-exception")      \
  X(ClosedCallback, "closed-callback")            \
  X(Deadlock, "deadlock")                         \
  X(Invariant, "invariant")

#define CW_FATAL_ENUMERATOR(name, text) name,
enum class FatalId : uint8_t { CW_FATAL_ID_LIST(CW_FATAL_ENUMERATOR) };
#undef CW_FATAL_ENUMERATOR

// The id as printed, such as "stack-overflow".                                                       Signal-safe: yes
std::string_view fatal_id_name(FatalId id) noexcept;

// Reports and ends the process. `text` may be longer than a line: it is printed as it is, with a line end added when it has none.
//
// Stack:       any; about 2 KiB, plus what the trace hook needs
// Signal-safe: yes
// Returns:     never
[[noreturn]] CW_COLD void fatal(FatalId id, std::string_view text) noexcept;

// The same for a fault that a signal handler looks at: the frames are those of `context`, the handler's ucontext_t.
[[noreturn]] CW_COLD void fatal_at(FatalId id, std::string_view text, void* context) noexcept;

// Prints the culprit's frames: those of `context` (a ucontext_t) or, when it is null, of the caller of fatal(), see fatal_frame().
// Must be signal-safe.
using FatalTraceHook = void (*)(void* context_or_null) noexcept;
void set_fatal_trace_hook(FatalTraceHook hook) noexcept;

// During a report without a context: the frame address of fatal() itself, from which a walk's first step leads to the caller. 0 otherwise.
uintptr_t fatal_frame() noexcept;

// True from the moment a report begins: others keep quiet, handlers leave faults to their default.    Signal-safe: yes
bool fatal_in_progress() noexcept;
// The kernel's number of the thread that reports; 0: none does.                                        Signal-safe: yes
int fatal_reporter() noexcept;
// In a child of fork(): a report that the parent was writing is not this process's, which has none of its threads but one.
void forget_fatal_in_child() noexcept;

}  // namespace causeway::base
