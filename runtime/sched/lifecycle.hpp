// SPDX-License-Identifier: MIT
//
// Start and stop of the runtime; see DESIGN "Lifetimes" in docs/design/lifecycle.md.
#pragma once

#include "runtime/base/base.hpp"
#include "runtime/sched/options.hpp"

namespace causeway::sched {

using LeftText = base::TextBuffer<480>;

// One more reference; the first one starts the runtime. Explicit: the caller will stop it. Implicit: nobody does, until an explicit start
// takes the implicit reference over.
enum class StartKind { Explicit, Implicit };
base::Result<void> start(const Options& options, base::asym::Mode barrier, StartKind kind) noexcept;

// The calling thread is inside start() right now: what it calls there (a log function, an interposed pthread_create) finds no runtime.
bool starting_here() noexcept;

// Gives one reference back; the last one stops the runtime. Afterwards nothing of it is left but records that tasks still hold.
// Errors: CW_E_STATE; CW_E_BUSY, with who is left in *left.
// Stack:  host. Blocks: up to timeout_ns
cw_status stop(uint64_t timeout_ns, LeftText* left) noexcept;

// Option crash_reports: who reports crashes, a higher row. install() at the end of a start, remove() early in the end of the runtime: it waits for
// a report that is under way.
struct CrashHooks {
  base::Result<void> (*install)() noexcept;
  void (*remove)() noexcept;
};
void set_crash_hooks(const CrashHooks* hooks) noexcept;

struct Counters {
  uint64_t foreign_threads, spare_threads, calls_in, calls_out, nested, handoffs, stacks_learned, stacks_accepted, records_retired,
      posts_dropped;
  uint64_t processors, workers, greens, greens_parked, spawned, hogs_detached, stack_bytes;
};
Counters counters() noexcept;

}  // namespace causeway::sched
