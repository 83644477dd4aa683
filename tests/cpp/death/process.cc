// SPDX-License-Identifier: MIT
//
// The end of a runtime object that cannot stop, and children of fork() that would go on as green threads.
//
// Risk: an end without a word, or with the wrong status; a child that runs on where nobody schedules it.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

std::atomic<bool> inside{false};

void stay_in_c() {
  inside = true;
  for (;;) pause();
}

// A thread of the host is in C code that a callback called, and stays there.
void runtime_that_cannot_stop() {
  causeway::options options;
  options.stop_timeout_ns = 20'000'000;
  std::thread host;
  {
    const causeway::runtime runtime{options};
    host = std::thread([] { causeway::enter([] { causeway::call_blocking(stay_in_c); }); });
    while (!inside) std::this_thread::yield();
  }
}

// The status of the child is ours; it writes to the same stderr.
void end_as(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) std::_Exit(97);
  std::_Exit(WEXITSTATUS(status));
}

void returns_from_c() {
  const causeway::runtime runtime;
  pid_t child = causeway::enter([] { return causeway::call(fork); });
  end_as(child);
}

void ends_as_a_green_thread() {
  const causeway::runtime runtime;
  pid_t child = causeway::spawn([] { return fork(); }).join();
  end_as(child);
}

// A child that only returns from main() below a runtime object of its parent: that holds nothing there.
void returns_below_a_runtime() {
  pid_t child = 0;
  {
    const causeway::runtime runtime;
    causeway::task<void> task = causeway::spawn([] {
      try {
        causeway::this_green::sleep_for(std::chrono::hours(1));
      } catch (const causeway::error&) {  // asked to stop
      }
    });
    child = fork();
  }
  if (child == 0) _exit(42);
  end_as(child);
}

constexpr const char* kLine = "causeway: a child of fork() returned into a green thread";

}  // namespace

namespace death {

const std::vector<Case>& process_cases() {
  static const std::vector<Case> cases{
      {"runtime_that_cannot_stop",
       runtime_that_cannot_stop,
       {.signal = SIGABRT,
        .printed = {"causeway: the runtime did not stop: 1 green thread has not ended: ", "(called by thread ", ", in C)"}}},
      {"forked_child_returns_from_c", returns_from_c, {.exit_status = 70, .printed = {kLine}}},
      {"forked_child_ends_as_a_green_thread", ends_as_a_green_thread, {.exit_status = 70, .printed = {kLine}}},
      {"forked_child_returns_below_a_runtime", returns_below_a_runtime, {.exit_status = 42, .not_printed = {"causeway"}}},
  };
  return cases;
}

}  // namespace death
