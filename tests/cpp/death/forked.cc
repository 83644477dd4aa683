// SPDX-License-Identifier: MIT
//
// A fork while another thread of the parent writes a report: that thread does not exist in the child, whose own report comes all the same.
//
// Risk: a child that waits for ever, or some seconds and then dies without a word, for the end of a report that nobody writes there.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "causeway/causeway.hpp"
#include "runtime/base/fatal.hpp"
#include "tests/cpp/death/crash.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

namespace base = causeway::base;

std::atomic<bool> under_way{false};
pid_t parent = 0;

void stay() {
  under_way = true;
  for (;;) pause();
}
void stay_in_the_hook(void*) noexcept { stay(); }

// A runtime has been started: it registers what fork() calls.
template <class Report, class Child>
[[noreturn]] void fork_beside(Report report, Child in_the_child) {
  parent = getpid();
  std::thread(report).detach();
  while (!under_way) std::this_thread::yield();
  const pid_t child = fork();
  if (child == 0) {
    in_the_child();
    _exit(91);
  }
  int status = 0;
  // Ten seconds: ten times what a report may take.
  for (int i = 0; i < 10'000 && waitpid(child, &status, WNOHANG) == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child) _exit(92);
  _exit(WIFSIGNALED(status) ? WTERMSIG(status) : 100 + WEXITSTATUS(status));
}

void fatal_error() {
  const causeway::runtime runtime;
  base::set_fatal_trace_hook(&stay_in_the_hook);
  fork_beside([] { base::fatal(base::FatalId::Deadlock, "the parent's"); },
              [] {
                base::set_fatal_trace_hook(nullptr);
                base::fatal(base::FatalId::Invariant, "the child's");
              });
}

// The host's handler of the parent's thread comes after the page, and stays: the page is not being written any more, but is this thread's still.
void crash() {
  signal(SIGSEGV, [](int) {
    if (getpid() != parent) _exit(43);
    stay();
  });
  const causeway::runtime runtime{death::reporting()};
  fork_beside([] { death::crash_outer(); },
              [] {
                death::say("now the child\n");
                death::crash_outer();
              });
}

}  // namespace

const std::vector<death::Case>& death::forked_cases() {
  static const std::vector<Case> cases = {
      {"forked_child_fails_beside_a_report",
       fatal_error,
       {.exit_status = SIGABRT, .printed = {"causeway: fatal: deadlock: the parent's", "causeway: fatal: invariant: the child's"}}},
      {"forked_child_crashes_beside_a_page",
       crash,
       {.exit_status = 143,
        .printed = {"causeway: crash: ", "end of the report", "now the child", "causeway: crash: ", "end of the report"}}},
  };
  return cases;
}
