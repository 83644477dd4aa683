// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers: system calls only, errno kept. They are made with syscall(2), because the C library's write, poll and
// sigtimedwait are cancellation points, and last words are not the place to end a thread of the host.
//
// A pipe that poll(2) calls writable has room for PIPE_BUF bytes, so a piece of that size does not block. Another process that fills the same
// pipe between the two calls can still make it: nothing that works for every kind of file prevents that.
#include "runtime/base/raw_write.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>

namespace causeway::base {
namespace {

// What all raw_write() calls together may wait for a stderr that takes nothing. relaxed: threads that race here only spend it faster.
constexpr int kStderrBudgetMs = 800;
std::atomic<int> stderr_budget_ms{kStderrBudgetMs};

int64_t monotonic_ms() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// What all kernels of 64 bits take for a set of 64 signals.
constexpr size_t kSignalSetBytes = 8;

// Waits until fd takes bytes, as long as the budget lasts. False: it does not, or never will.
bool wait_writable(int fd, int* budget_ms) noexcept {
  if (fd < 0) return false;  // poll(2) would wait for nothing
  for (;;) {
    pollfd entry{fd, POLLOUT, 0};
    const int64_t begin = monotonic_ms();
    timespec wait{*budget_ms / 1000, (*budget_ms % 1000) * 1'000'000L};
    const long n = syscall(SYS_ppoll, &entry, 1, &wait, nullptr, kSignalSetBytes);
    const int saved = errno;
    const int64_t used = monotonic_ms() - begin;
    *budget_ms = used < *budget_ms ? *budget_ms - static_cast<int>(used) : 0;
    if (n > 0) return (entry.revents & POLLOUT) != 0;  // else closed, or no descriptor at all
    if (n == 0 || saved != EINTR) return false;
    if (*budget_ms == 0) return false;
  }
}

// Keeps a write to a pipe without a reader from raising SIGPIPE on this thread.
class PipeSignalBlocked {
 public:
  PipeSignalBlocked() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~PipeSignalBlocked() {
    if (broken_ && !was_pending_) {
      const timespec at_once{};
      while (syscall(SYS_rt_sigtimedwait, &pipe_, nullptr, &at_once, kSignalSetBytes) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  PipeSignalBlocked(const PipeSignalBlocked&) = delete;
  PipeSignalBlocked& operator=(const PipeSignalBlocked&) = delete;

  void broken() noexcept { broken_ = true; }

 private:
  sigset_t pipe_, before_;
  bool was_pending_ = false, broken_ = false;
};

}  // namespace

bool raw_write_to(int fd, std::string_view text, int* budget_ms) noexcept {
  const int saved_errno = errno;
  bool ok = true;
  {
    PipeSignalBlocked guard;
    while (!text.empty()) {
      if (!wait_writable(fd, budget_ms)) {
        ok = false;
        break;
      }
      const long n = syscall(SYS_write, fd, text.data(), text.size() < PIPE_BUF ? text.size() : PIPE_BUF);
      if (n > 0) {
        text.remove_prefix(static_cast<size_t>(n));
      } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        if (errno == EPIPE) guard.broken();
        ok = false;
        break;
      } else if (*budget_ms == 0) {
        ok = false;  // EAGAIN over and over: poll and write disagree
        break;
      }
    }
  }
  errno = saved_errno;
  return ok;
}

void raw_write(std::string_view text) noexcept {
  const int before = stderr_budget_ms.load(std::memory_order_relaxed);
  int left = before;
  raw_write_to(STDERR_FILENO, text, &left);
  if (left != before) stderr_budget_ms.store(left, std::memory_order_relaxed);
}

void forget_stderr_budget_in_child() noexcept {
  stderr_budget_ms.store(kStderrBudgetMs, std::memory_order_relaxed);  // relaxed: there is one thread
}

}  // namespace causeway::base
