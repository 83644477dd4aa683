// SPDX-License-Identifier: MIT
//
// Runs a function in a forked child and tells how it ended and what it wrote to stderr. For code whose contract is that it ends the process.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string>

namespace causeway::test {

struct ChildEnd {
  std::string text;        // its stderr
  int exit_status = -1;    // -1: it did not exit
  int signal = 0;          // 0: no signal ended it
  bool timed_out = false;  // it was killed at the limit
  int64_t ms = 0;
};

enum class ChildStderr { Collected, Closed, FullPipe, BrokenPipe };

// fn ends the child or returns; a return is exit status 99, which no contract uses.
template <class Fn>
ChildEnd run_child(Fn&& fn, ChildStderr where = ChildStderr::Collected, int limit_ms = 10'000) {
  int pipe_fds[2];
  if (pipe(pipe_fds) != 0) return {};
  const auto begin = std::chrono::steady_clock::now();
  std::fflush(nullptr);  // or the child would write what is buffered a second time
  const pid_t pid = fork();
  if (pid == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    // The test program and the sanitizers have handlers of their own for these.
    for (const int number : {SIGPIPE, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) signal(number, SIG_DFL);
    if (where != ChildStderr::FullPipe) close(pipe_fds[0]);
    if (where == ChildStderr::Closed) {
      close(STDERR_FILENO);
    } else {
      dup2(pipe_fds[1], STDERR_FILENO);
    }
    close(pipe_fds[1]);
    if (where == ChildStderr::FullPipe) {
      // The child holds the reading end open itself and fills the pipe to the last byte.
      const int flags = fcntl(STDERR_FILENO, F_GETFL);
      fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
      const char bytes[4096] = {};
      while (write(STDERR_FILENO, bytes, sizeof bytes) > 0) {}
      while (write(STDERR_FILENO, bytes, 1) > 0) {}
      fcntl(STDERR_FILENO, F_SETFL, flags);
    } else if (where == ChildStderr::BrokenPipe) {
      usleep(50'000);  // the parent closes its end at once; this is only the order of the two
    }
    fn();
    _exit(99);
  }
  close(pipe_fds[1]);
  if (where == ChildStderr::BrokenPipe) {
    close(pipe_fds[0]);
    pipe_fds[0] = -1;
  }
  ChildEnd end;
  const auto elapsed_ms = [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
  };
  bool open = pipe_fds[0] >= 0 && where == ChildStderr::Collected;
  int status = 0;
  for (;;) {
    if (open) {
      pollfd entry{pipe_fds[0], POLLIN, 0};
      if (poll(&entry, 1, 5) > 0) {
        char piece[1024];
        const ssize_t n = read(pipe_fds[0], piece, sizeof piece);
        if (n > 0) end.text.append(piece, static_cast<size_t>(n));
        if (n == 0) open = false;
        continue;
      }
    }
    const pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended == pid) break;
    if (elapsed_ms() > limit_ms && !end.timed_out) {
      end.timed_out = true;
      kill(pid, SIGKILL);
    }
    if (!open) usleep(2'000);
  }
  end.ms = elapsed_ms();
  if (pipe_fds[0] >= 0) close(pipe_fds[0]);
  if (WIFEXITED(status)) end.exit_status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

}  // namespace causeway::test
