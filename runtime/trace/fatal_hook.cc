// SPDX-License-Identifier: MIT
//
// What base::fatal() prints below its line: the culprit's frames over all crossings, and with crash reports on the stacks and registers too.
// Reachable from signal handlers but for install_fatal_hook().
#include "runtime/os/os.hpp"
#include "runtime/trace/crash.hpp"
#include "runtime/trace/crash_frames.hpp"
#include "runtime/trace/crash_page.hpp"
#include "runtime/trace/module.hpp"
#include "runtime/trace/report_stack.hpp"
#include "runtime/trace/trace.hpp"

namespace causeway::trace {
namespace {

void print_report(void* context) noexcept {
  const CrashPlace place = context != nullptr ? place_of(context) : place_of_caller(base::fatal_frame());
  print_steps(walk_place(place, context), place);
  if (!crash_reports_on()) return;
  print_stacks(place);
  if (context != nullptr) print_registers(context);
}

// Not at all in the middle of a crash report: the line above has said what broke there.
void print_culprit(void* context) noexcept { run_on_report_stack(&print_report, context); }

}  // namespace

void install_fatal_hook() noexcept {
  remember_program_name();
  base::set_fatal_trace_hook(&print_culprit);
}

}  // namespace causeway::trace
