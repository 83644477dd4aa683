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

}  // namespace

TEST_CASE("the first frame of a report is the caller of fatal()") {
  const auto end = run_child([&] {
    trace::install_fatal_hook();
    culprit_that_checks();
  });
  CHECK(end.text.find("causeway: fatal: invariant: planted\n  #0 0x") == 0);
  CHECK(end.signal == SIGABRT);
  const auto lines = lines_of(end.text);
  if (!arch::Cpu::kHasFrameRecords) return;
  REQUIRE(lines.size() >= 2);
  CHECK(inside(lines[0].pc, &culprit_that_checks));
  for (size_t i = 0; i < lines.size(); ++i) CHECK(lines[i].number == i);
  CHECK(end.text.find("_test+0x") != std::string::npos);                 // the program's own name
  CHECK(end.text.find(" culprit_that_checks+0x") != std::string::npos);  // by the file's symbol table
}

TEST_CASE("a fault's report begins with the faulting function, from the signal's context") {
  const auto end = run_child([&] {
    trace::install_fatal_hook();
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

TEST_CASE("a trace goes on over a pivot") {
  if (!arch::Cpu::kHasFrameRecords) return;
  static std::vector<unsigned char> other(256 * 1024);
  size_t lines[2] = {};
  for (const bool pivots : {false, true}) {
    const auto end = run_child([&] {
      trace::install_fatal_hook();
      constexpr auto culprit = [](void*) -> void* {
        culprit_that_checks();
        return nullptr;
      };
      if (pivots) cw_arch_pivot(other.data() + other.size(), culprit, nullptr);
      else culprit(nullptr);
    });
    CHECK(end.signal == SIGABRT);
    const auto found = lines_of(end.text);
    lines[pivots] = found.size();
    for (size_t i = 0; i < found.size(); ++i) CHECK(found[i].number == i);
  }
  CHECK(lines[false] >= 3);
  CHECK(lines[true] > lines[false]);  // the pivot's own frames are more
}

TEST_CASE("a fatal error in the middle of a report is the end, without a second report") {
  const auto end = run_child([] {
    trace::install_fatal_hook();
    constexpr os::SignalHandler again = [](int, siginfo_t*, void*) { culprit_that_checks(); };
    if (!os::install_handler(SIGABRT, again, SA_NODEFER)) _exit(1);
    culprit_that_checks();
  });
  CAPTURE(end.text);
  CHECK(end.exit_status == 2);  // INV-FATAL2
  CHECK(end.text.find("fatal:") == end.text.rfind("fatal:"));
}
