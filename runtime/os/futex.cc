// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers. syscall(2) is no cancellation point, so a thread of the host that waits here is not cancelled here.
#include "runtime/os/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace causeway::os {

static_assert(sizeof(std::atomic<uint32_t>) == 4, "the kernel sees the word as it is");

int futex_wait(const std::atomic<uint32_t>& word, uint32_t expected, uint64_t timeout_ns) noexcept {
  constexpr uint64_t kSecond = 1'000'000'000;
  timespec timeout{};
  const timespec* until = nullptr;
  if (timeout_ns != kForever) {
    timeout.tv_sec = static_cast<time_t>(timeout_ns / kSecond);
    timeout.tv_nsec = static_cast<long>(timeout_ns % kSecond);
    until = &timeout;
  }
  const int saved = errno;
  const long result = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, until, nullptr, 0L);
  const int error = result == 0 ? 0 : errno;
  errno = saved;
  return error == ETIMEDOUT ? ETIMEDOUT : 0;  // EINTR, EAGAIN: the caller looks again
}

void futex_wake(const std::atomic<uint32_t>& word, int n) noexcept {
  const int saved = errno;
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, n, nullptr, nullptr, 0L);
  errno = saved;
}

}  // namespace causeway::os
