// SPDX-License-Identifier: MIT
//
// Runs a piece of a test in a forked child, for what ends a process: faults, fatal errors, resource limits.
//
// The child must not return into the test program: it leaves with _exit, 0 for success. What it writes to stderr comes back as text.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>

namespace stack_test {

struct ChildEnd {
  int status = -1;
  std::string text;

  bool exited_with(int code) const { return WIFEXITED(status) && WEXITSTATUS(status) == code; }
  bool killed_by(int signal) const { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }
  bool faulted() const { return killed_by(SIGSEGV) || killed_by(SIGBUS); }
  bool says(const char* part) const { return text.find(part) != std::string::npos; }
};

// A child that hangs is killed after 30 s, which no passing test comes near.
template <class Body>
ChildEnd in_child(Body body) {
  ChildEnd end;
  int ends[2];
  if (pipe(ends) != 0) return end;
  std::cout.flush();  // a child of a sanitizer build writes out what it inherits
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    dup2(ends[1], 2);
    alarm(30);
    // The test program and the sanitizers have handlers that would report the end that we want as a failure.
    for (const int fatal_signal : {SIGSEGV, SIGBUS, SIGABRT}) signal(fatal_signal, SIG_DFL);
    _exit(body() ? 0 : 1);
  }
  close(ends[1]);
  char buffer[512];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) end.text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  waitpid(child, &end.status, 0);
  return end;
}

}  // namespace stack_test
