// SPDX-License-Identifier: MIT
//
// Guards: a report that is cut, doubled, hangs on its own output, or ends in the wrong way. Each case is a child process.
#include "runtime/base/fatal.hpp"

#include <doctest/doctest.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <set>
#include <string>

#include "runtime/base/base.hpp"
#include "tests/cpp/base/child.hpp"

using namespace causeway;
using base::FatalId;
using test::ChildStderr;
using test::run_child;

namespace {

void fatal_hook_that_fails(void*) noexcept { base::fatal(FatalId::Deadlock, "inside the report"); }

void say_context(void* context) noexcept { base::raw_write(context != nullptr ? "hook: a context\n" : "hook: no context\n"); }

// A host's handler for SIGABRT that comes back to us.
void abort_handler_that_fails(int) { base::fatal(FatalId::Deadlock, "inside abort"); }

void* fatal_in_thread(void* start) {
  auto& go = *static_cast<std::atomic<int>*>(start);
  go.fetch_add(1);
  while (go.load() < 4) {}
  base::fatal(FatalId::Invariant, "from a thread");
}

size_t count_of(const std::string& text, const char* what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("a fatal error prints one line of the published form and aborts") {
  const auto end = run_child([] { base::fatal(FatalId::LeafCalledBack, "qsort called back"); });
  CHECK(end.text == "causeway: fatal: leaf-called-back: qsort called back\n");
  CHECK(end.signal == SIGABRT);
}

TEST_CASE("stack-out-of-bounds exits with status 2 and no signal") {
  const auto end = run_child([] { base::fatal(FatalId::StackOutOfBounds, "M 3 thread 12 cb: sp=0x1 outside [0x2, 0x3]"); });
  CHECK(end.text == "causeway: fatal: stack-out-of-bounds: M 3 thread 12 cb: sp=0x1 outside [0x2, 0x3]\n");
  CHECK(end.signal == 0);
  CHECK(end.exit_status == 2);
}

TEST_CASE("every id has a name of its own, in the form of the catalogue") {
  std::set<std::string_view> names;
  for (unsigned i = 0; i <= static_cast<unsigned>(FatalId::Invariant); ++i) {
    const auto name = base::fatal_id_name(static_cast<FatalId>(i));
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos);
    names.insert(name);
  }
  CHECK(names.size() == 13);
  CHECK(base::fatal_id_name(static_cast<FatalId>(200)) == "?");
}

TEST_CASE("a text of 3000 bytes is printed to its end") {  // three times the line buffer
  const std::string text(3000, 'x');
  const auto end = run_child([&] { base::fatal(FatalId::Invariant, text); });
  CHECK(end.text == "causeway: fatal: invariant: " + text + "\n");
  CHECK(end.signal == SIGABRT);
}

TEST_CASE("the trace hook runs after the line and is told of a context") {
  auto end = run_child([] {
    base::set_fatal_trace_hook(&say_context);
    base::fatal(FatalId::Invariant, "a");
  });
  CHECK(end.text == "causeway: fatal: invariant: a\nhook: no context\n");
  end = run_child([] {
    int context = 0;
    base::set_fatal_trace_hook(&say_context);
    base::fatal_at(FatalId::Invariant, "b", &context);
  });
  CHECK(end.text == "causeway: fatal: invariant: b\nhook: a context\n");
  CHECK(end.signal == SIGABRT);
}

TEST_CASE("INV-FATAL2: a fatal error inside a report ends at once, with one line") {
  const auto end = run_child([] {
    base::set_fatal_trace_hook(&fatal_hook_that_fails);
    base::fatal(FatalId::Invariant, "the first");
  });
  CHECK(end.text == "causeway: fatal: invariant: the first\n");
  CHECK(end.signal == SIGABRT);
}

TEST_CASE("INV-FATAL2: a handler for SIGABRT that fails fatally does not loop") {
  const auto end = run_child([] {
    signal(SIGABRT, &abort_handler_that_fails);
    base::set_fatal_trace_hook(&fatal_hook_that_fails);
    base::fatal(FatalId::Invariant, "the first");
  });
  CHECK(end.text == "causeway: fatal: invariant: the first\n");
  CHECK_FALSE(end.timed_out);
  CHECK((end.signal == SIGABRT || end.exit_status == 2));
}

TEST_CASE("INV-FATAL1: of four threads that fail at once one reports") {
  const auto end = run_child([] {
    static std::atomic<int> go{0};
    pthread_t threads[4];
    for (auto& thread : threads) pthread_create(&thread, nullptr, &fatal_in_thread, &go);
    for (auto& thread : threads) pthread_join(thread, nullptr);
  });
  CHECK(count_of(end.text, "causeway: fatal: ") == 1);
  CHECK(end.signal == SIGABRT);
  CHECK_FALSE(end.timed_out);
}

TEST_CASE("INV-FATAL3: stderr closed, broken or full does not delay the end beyond a second") {
  const auto report_64_lines = [](void*) noexcept {
    for (int i = 0; i < 64; ++i) base::raw_write("  #1 0x1234 somewhere+0x12\n");
  };
  for (const ChildStderr where : {ChildStderr::Closed, ChildStderr::BrokenPipe, ChildStderr::FullPipe}) {
    CAPTURE(static_cast<int>(where));
    const auto end = run_child(
        [&] {
          base::set_fatal_trace_hook(report_64_lines);
          base::fatal(FatalId::Invariant, "nobody reads this");
        },
        where);
    CHECK(end.signal == SIGABRT);  // a SIGPIPE would hide the reason
    CHECK(end.ms < 1500);          // 1 s, and the time to fork and fill the pipe
  }
}

TEST_CASE("CW_CHECK passes a true condition and ends with its text on a false one") {
  int evaluated = 0;
  CW_CHECK(++evaluated == 1, "evaluated once");
  CHECK(evaluated == 1);
  const auto end = run_child([] { CW_CHECK(1 + 1 == 3, "sums"); });
  CHECK(end.text == "causeway: fatal: invariant: sums\n");
  CHECK(end.signal == SIGABRT);
}

TEST_CASE("CW_DCHECK evaluates its condition in debug-check builds only") {
  int evaluated = 0;
  CW_DCHECK(++evaluated == 1, "counted");
  CHECK(evaluated == CW_DEBUG_CHECKS);
}
