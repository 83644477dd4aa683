// SPDX-License-Identifier: MIT
//
// Cases that end the process. Each is a function; the program runs one of them by name in a child process of its own, and the runner
// compares how the child ended and what it printed. `return` from a case is exit status 0.
#pragma once

#include <string>
#include <vector>

namespace death {

// How a case must end.
struct Expected {
  int signal = 0;  // 0: it exits
  int exit_status = 0;
  std::vector<std::string> printed{};      // each of these is in its stderr, in this order
  std::vector<std::string> not_printed{};  // none of these is
  // Looks at all of its stderr; writes what is wrong with it.
  bool (*judge)(const std::string& text, std::string* complaint) = nullptr;
};

struct Case {
  const char* name;
  void (*run)();
  Expected expected;
};

// Calls itself for ever, some 200 bytes deeper each time. (The compiler must not see that there is no end.)
[[gnu::noinline]] inline int recurse(int depth) {
  static volatile int end = -1;
  volatile char room[200];
  room[0] = static_cast<char>(depth);
  if (depth == end) return 0;
  const int below = recurse(depth + 1);
  return below + room[0];
}

// One list per file.
const std::vector<Case>& overflow_cases();
const std::vector<Case>& deadlock_cases();
const std::vector<Case>& destroyed_cases();
const std::vector<Case>& fatal_cases();
const std::vector<Case>& fault_cases();
const std::vector<Case>& hog_cases();
const std::vector<Case>& stall_cases();
const std::vector<Case>& poison_cases();
const std::vector<Case>& stack_bounds_cases();
const std::vector<Case>& crossing_cases();
const std::vector<Case>& world_cases();
const std::vector<Case>& traceback_cases();
const std::vector<Case>& crash_cases();
const std::vector<Case>& crash_end_cases();
const std::vector<Case>& long_call_cases();
const std::vector<Case>& unwinding_cases();
const std::vector<Case>& closed_cases();
const std::vector<Case>& process_cases();
const std::vector<Case>& exit_cases();
const std::vector<Case>& skipped_cases();
const std::vector<Case>& forked_cases();

}  // namespace death
