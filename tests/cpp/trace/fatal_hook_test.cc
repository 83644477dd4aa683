// SPDX-License-Identifier: MIT
//
// Guards: a report without the culprit's frames, with frames of the report in their place, or one that faults on its way. Child processes.
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "arch/arch.hpp"
#include "runtime/os/os.hpp"
#include "runtime/trace/trace.hpp"
#include "tests/cpp/base/child.hpp"

using namespace causeway;
using test::run_child;

namespace {

struct Line {
  unsigned long number = 0;
  uintptr_t pc = 0;
};
// The frame lines of a report.
std::vector<Line> lines_of(const std::string& text) {
  std::vector<Line> lines;
  for (size_t at = text.find("  #"); at != std::string::npos; at = text.find("\n  #", at)) {
    if (text[at] == '\n') ++at;
    char* end = nullptr;
    Line line;
    line.number = std::strtoul(text.c_str() + at + 3, &end, 10);
    line.pc = std::strtoull(end, nullptr, 16);
    lines.push_back(line);
  }
  return lines;
}

// Functions that say where they end, so that a frame can be told to be theirs.
extern "C" {
[[gnu::noinline, gnu::used]] void culprit_that_checks() { base::fatal(base::FatalId::Invariant, "planted"); }
[[gnu::noinline, gnu::used, gnu::no_sanitize_thread, gnu::no_sanitize_address]] void culprit_that_faults(volatile int* at) {
  *at = 1;
  __asm__ volatile("" ::: "memory");
}
}
template <class Fn>
bool inside(uintptr_t pc, Fn* function) {
  const auto begin = reinterpret_cast<uintptr_t>(function);
  return pc >= begin && pc <= begin + 256;  // both are a few instructions, more with a sanitizer
}

void on_fault(int, siginfo_t*, void* context) { base::fatal_at(base::FatalId::StackOverflow, "planted", context); }

// Asked before the fork: a hook may not ask in a handler.
uintptr_t thread_low = 0, thread_high = 0;
const bool have_bounds = os::thread_stack_bounds(&thread_low, &thread_high);
bool thread_bounds(uintptr_t sp, uintptr_t* low, uintptr_t* high) {
  *low = thread_low;
  *high = thread_high;
  return have_bounds && sp >= thread_low && sp < thread_high;
}
bool no_bounds(uintptr_t, uintptr_t*, uintptr_t*) { return false; }
// A hook of a row above that is wrong about everything must not make the report fault.
bool wrong_bounds(uintptr_t sp, uintptr_t* low, uintptr_t* high) {
  *low = sp + 4096;
  *high = sp + 4097;
  return true;
}

}  // namespace

TEST_CASE("the first frame of a report is the caller of fatal(), with and without proven bounds") {
  for (const trace::BoundsOf bounds : {&thread_bounds, &no_bounds, static_cast<trace::BoundsOf>(nullptr)}) {
    const auto end = run_child([&] {
      trace::install_fatal_hook(bounds);
      culprit_that_checks();
    });
    CHECK(end.text.find("causeway: fatal: invariant: planted\n  #0 0x") == 0);
    CHECK(end.signal == SIGABRT);
    const auto lines = lines_of(end.text);
    if (!arch::Cpu::kHasFrameRecords) continue;
    REQUIRE(lines.size() >= 2);
    CHECK(inside(lines[0].pc, &culprit_that_checks));
    for (size_t i = 0; i < lines.size(); ++i) CHECK(lines[i].number == i);
    CHECK(end.text.find("_test+0x") != std::string::npos);  // the program's own name
  }
}

TEST_CASE("a fault's report begins with the faulting function, from the signal's context") {
  for (const trace::BoundsOf bounds : {&thread_bounds, &no_bounds}) {
    const auto end = run_child([&] {
      trace::install_fatal_hook(bounds);
      os::AltStack stack;
      if (!stack.ensure() || !os::install_handler(SIGSEGV, &on_fault, SA_ONSTACK)) _exit(1);
      culprit_that_faults(nullptr);
    });
    CAPTURE(end.text);
    CHECK(end.text.find("causeway: fatal: stack-overflow: planted\n  #0 0x") == 0);
    const auto lines = lines_of(end.text);
    REQUIRE(lines.size() >= 1);
    CHECK(inside(lines[0].pc, &culprit_that_faults));
    if (arch::Cpu::kHasFrameRecords) CHECK(lines.size() >= 2);
    CHECK(end.signal == SIGABRT);
  }
}

TEST_CASE("rubbish in the frame pointer or in the bounds ends the trace, not the report") {
  const auto end = run_child([] {
    trace::install_fatal_hook(&wrong_bounds);
    culprit_that_checks();
  });
  CHECK(end.text.find("causeway: fatal: invariant: planted\n") == 0);
  CHECK(end.signal == SIGABRT);
}

TEST_CASE("a trace goes on over a pivot where the other stack is proven") {
  if (!arch::Cpu::kHasFrameRecords) return;
  static std::vector<unsigned char> other(256 * 1024);
  static bool hop = true;
  const auto bounds = [](uintptr_t at, uintptr_t* low, uintptr_t* high) {
    const auto begin = reinterpret_cast<uintptr_t>(other.data());
    if (at >= begin && at < begin + other.size()) {
      *low = begin;
      *high = begin + other.size();
      return true;
    }
    return hop && thread_bounds(at, low, high);
  };
  size_t lines[2] = {};
  for (const bool wanted : {false, true}) {
    hop = wanted;
    const auto end = run_child([&] {
      trace::install_fatal_hook(bounds);
      cw_arch_pivot(
          other.data() + other.size(),
          [](void*) -> void* {
            culprit_that_checks();
            return nullptr;
          },
          nullptr);
    });
    CHECK(end.signal == SIGABRT);
    const auto found = lines_of(end.text);
    lines[wanted] = found.size();
    for (size_t i = 0; i < found.size(); ++i) CHECK(found[i].number == i);
  }
  CHECK(lines[false] >= 2);
  CHECK(lines[true] > lines[false]);
}
