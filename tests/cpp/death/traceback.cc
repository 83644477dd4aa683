// SPDX-License-Identifier: MIT
//
// own-stack: a walk of a green thread on its own stack ends the process, with its name. The records of 2014 had such walks: they read the frames that they
// were writing, and were right most of the time.
#include <signal.h>
#include <unistd.h>

#include <string>

#include "causeway/causeway.hpp"
#include "runtime/trace/trace.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

namespace sched = causeway::sched;
namespace trace = causeway::trace;

void walk(const sched::G* g) {
  trace::Step storage[64];
  trace::Steps steps;
  steps.at = storage;
  steps.room = 64;
  causeway::arch::Registers here;
  cw_arch_capture(&here);
  if (g == sched::current_green()) trace::walk_thread(trace::m_here(), {here.pc, here.sp, here.fp, 0, false}, &steps, {});
  else trace::walk_green(g, &steps, {});
  _exit(3);
}

void of_a_green_thread() {
  const causeway::runtime runtime;
  causeway::spawn({.name = "reckless"}, [] { walk(sched::current_green()); }).join();
}

// A callback's green thread has a stack of its own, which is left out of nothing either.
void of_a_callback() {
  const causeway::runtime runtime;
  cw_enter([](void*) { walk(sched::current_green()); }, nullptr);
}

// Another one's is no matter, also from a green thread.
void of_another() {
  const causeway::runtime runtime;
  causeway::spawn([] {
    const sched::G* outer = sched::current_green();
    causeway::call([outer] { cw_enter([](void* g) { walk(static_cast<const sched::G*>(g)); }, const_cast<sched::G*>(outer)); });
  }).join();
}

// The same question by the public way is answered on another stack.
void not_by_a_traceback() {
  const causeway::runtime runtime;
  causeway::spawn([] {
    if (causeway::traceback().empty() || causeway::traceback(CW_TRACE_ALL).empty()) _exit(3);
  }).join();
}

const std::vector<death::Case> kCases = {
    {"own_stack_of_a_green_thread",
     of_a_green_thread,
     {.signal = SIGABRT, .printed = {"causeway: fatal: traceback-own-stack: a traceback of green thread ", " on its own stack"}}},
    {"own_stack_of_a_callback", of_a_callback, {.signal = SIGABRT, .printed = {"causeway: fatal: traceback-own-stack: "}}},
    {"own_stack_of_another_green_thread_is_walked", of_another, {.exit_status = 3}},
    {"own_stack_is_not_walked_by_a_traceback", not_by_a_traceback, {}},
};

}  // namespace

const std::vector<death::Case>& death::traceback_cases() { return kCases; }
