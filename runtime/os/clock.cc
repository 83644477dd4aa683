// SPDX-License-Identifier: MIT
//
// Reachable from signal handlers.
#include "runtime/os/clock.hpp"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace causeway::os {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

}  // namespace

uint64_t now_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec);
}

void sleep_ns(uint64_t duration_ns) noexcept {
  const int saved = errno;
  timespec left{static_cast<time_t>(duration_ns / kSecond), static_cast<long>(duration_ns % kSecond)};
  // Not the library's clock_nanosleep: that one is a cancellation point. A relative sleep continues with what is left.
  while (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &left, &left) != 0 && errno == EINTR) {}
  errno = saved;
}

}  // namespace causeway::os
