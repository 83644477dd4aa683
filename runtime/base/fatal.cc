// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers: system calls and fixed buffers only.
#include "runtime/base/fatal.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "runtime/base/raw_write.hpp"
#include "runtime/base/text_buffer.hpp"

namespace causeway::base {
namespace {

// The thread that reports, 0 until there is one. Never goes back in its process: INV-FATAL1.
std::atomic<long> reporter{0};
// How often the reporter got here: 1 reports, 2 failed while reporting, 3 failed in what abort() runs.
std::atomic<int> depth{0};
std::atomic<uintptr_t> frame_of_fatal{0};
std::atomic<FatalTraceHook> trace_hook{nullptr};

[[noreturn]] void end(FatalId id) noexcept {
  if (id == FatalId::StackOutOfBounds) _exit(2);
  std::abort();
}

// Claims the report for this thread. Returns only to the thread whose report it is.
void become_reporter(FatalId id) noexcept {
  const long self = syscall(SYS_gettid);  // not pthread_self(): also on threads without a thread control block
  long none = 0;
  // acq_rel: one thread wins; nothing else is ordered by it, the rest of the report's state is the winner's own.
  if (!reporter.compare_exchange_strong(none, self, std::memory_order_acq_rel) && none != self) {
    for (;;) syscall(SYS_ppoll, nullptr, 0, nullptr, nullptr, 0);  // INV-FATAL1: the reporter ends the process, also under us
  }
  const int level = depth.fetch_add(1, std::memory_order_relaxed) + 1;
  if (level == 1) return;
  if (level > 2) _exit(2);  // INV-FATAL2: abort() ran a handler of the host that came back here
  end(id);
}

[[noreturn]] CW_NOINLINE void report(FatalId id, std::string_view text, void* context) noexcept {
  // One write for a line of usual length: other threads may be writing to stderr too.
  TextBuffer<1024> line;
  line.append("causeway: fatal: ").append(fatal_id_name(id)).append(": ");
  const bool fits = text.size() < 960;
  const bool needs_end = text.empty() || text.back() != '\n';
  if (fits) line.append(text).append(needs_end ? "\n" : "");
  raw_write(line.view());
  if (!fits) raw_write(text);
  if (!fits && needs_end) raw_write("\n");
  // acquire: pairs with set_fatal_trace_hook().
  if (const FatalTraceHook hook = trace_hook.load(std::memory_order_acquire)) hook(context);
  end(id);
}

}  // namespace

std::string_view fatal_id_name(FatalId id) noexcept {
  switch (id) {
#define CW_FATAL_CASE(name, text) \
  case FatalId::name: return text;
    CW_FATAL_ID_LIST(CW_FATAL_CASE)
#undef CW_FATAL_CASE
  }
  return "?";
}

void fatal(FatalId id, std::string_view text) noexcept {
  become_reporter(id);
  frame_of_fatal.store(reinterpret_cast<uintptr_t>(__builtin_frame_address(0)), std::memory_order_relaxed);  // read by this thread only
  report(id, text, nullptr);
}

void fatal_at(FatalId id, std::string_view text, void* context) noexcept {
  become_reporter(id);
  report(id, text, context);
}

void set_fatal_trace_hook(FatalTraceHook hook) noexcept {
  // release: what the hook reads is set up before it is seen.
  trace_hook.store(hook, std::memory_order_release);
}

uintptr_t fatal_frame() noexcept { return frame_of_fatal.load(std::memory_order_relaxed); }

bool fatal_in_progress() noexcept { return reporter.load(std::memory_order_relaxed) != 0; }

void forget_fatal_in_child() noexcept {
  // relaxed: there is one thread.
  depth.store(0, std::memory_order_relaxed);
  frame_of_fatal.store(0, std::memory_order_relaxed);
  reporter.store(0, std::memory_order_relaxed);
  forget_stderr_budget_in_child();
}

int fatal_reporter() noexcept { return static_cast<int>(reporter.load(std::memory_order_relaxed)); }

}  // namespace causeway::base
