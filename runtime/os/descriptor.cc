// SPDX-License-Identifier: MIT
#include "runtime/os/descriptor.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "runtime/base/base.hpp"

namespace causeway::os {

namespace {

constexpr bool kWatched = CW_TSAN != 0 || CW_ASAN != 0;

// Calls until it is not interrupted.
template <class Call>
long retried(Call call) noexcept {
  const int saved = errno;
  for (;;) {
    const long result = call();
    const int error = errno;
    errno = saved;
    if (result >= 0) return result;
    if (error != EINTR) return -error;
  }
}

template <class Call>
long once(Call call) noexcept {
  const int saved = errno;
  const long result = call();
  const int error = errno;
  errno = saved;
  return result >= 0 ? result : -error;
}

#ifdef SYS_epoll_pwait2
constexpr long kEpollPwait2 = SYS_epoll_pwait2;
#else
constexpr long kEpollPwait2 = 441;  // the same on every CPU
#endif

std::atomic<bool> no_pwait2{false};  // relaxed everywhere: known to whoever was told

int wait_ms(int epoll, epoll_event* events, int room, uint64_t timeout_ns) noexcept {
  constexpr uint64_t kMs = 1'000'000, kMost = 1'000'000'000;  // 11 days; whoever has waited that long looks again
  int ms = -1;
  if (timeout_ns != UINT64_MAX) {
    const uint64_t up = timeout_ns / kMs + (timeout_ns % kMs != 0 ? 1 : 0);
    ms = static_cast<int>(up < kMost ? up : kMost);
  }
  return static_cast<int>(once([&] { return epoll_wait(epoll, events, room, ms); }));
}

}  // namespace

long read_some(int fd, void* to, size_t n) noexcept {
  return retried([&] { return kWatched ? read(fd, to, n) : syscall(SYS_read, fd, to, n); });
}

long write_some(int fd, const void* from, size_t n) noexcept {
  return retried([&] { return kWatched ? write(fd, from, n) : syscall(SYS_write, fd, from, n); });
}

long send_some(int fd, const void* from, size_t n) noexcept {
  constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;
  return retried([&] { return kWatched ? send(fd, from, n, kFlags) : syscall(SYS_sendto, fd, from, n, kFlags, nullptr, 0L); });
}

int accept_one(int fd, sockaddr* address, socklen_t* size) noexcept {
  constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  const auto answer =
      retried([&] { return kWatched ? accept4(fd, address, size, kFlags) : syscall(SYS_accept4, fd, address, size, kFlags); });
  return static_cast<int>(answer);
}

int connect_once(int fd, const sockaddr* address, socklen_t size) noexcept {
  const long answer = once([&] { return kWatched ? connect(fd, address, size) : syscall(SYS_connect, fd, address, size); });
  return answer == -EINTR ? -EINPROGRESS : static_cast<int>(answer);
}

int close_descriptor(int fd) noexcept {
  return static_cast<int>(once([&] { return kWatched ? close(fd) : syscall(SYS_close, fd); }));
}

int socket_option(int fd, int option) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  const long answer = once([&] { return getsockopt(fd, SOL_SOCKET, option, &value, &size); });
  return answer < 0 ? static_cast<int>(answer) : value;
}

bool has_upper_protocol(int fd) noexcept {
  char name[16] = {};
  socklen_t size = sizeof name;
  return once([&] { return getsockopt(fd, IPPROTO_TCP, TCP_ULP, name, &size); }) >= 0 && size != 0 && name[0] != '\0';
}

int is_blocking(int fd) noexcept {
  const long flags = once([&] { return fcntl(fd, F_GETFL); });
  return flags < 0 ? static_cast<int>(flags) : (flags & O_NONBLOCK) == 0;
}

int set_blocking(int fd, bool blocking) noexcept {
  const long flags = once([&] { return fcntl(fd, F_GETFL); });
  if (flags < 0) return static_cast<int>(flags);
  const long wanted = blocking ? flags & ~long{O_NONBLOCK} : flags | O_NONBLOCK;
  return static_cast<int>(once([&] { return fcntl(fd, F_SETFL, wanted); }));
}

int poll_once(int fd, short events) noexcept {
  // ppoll(2): poll(2) is not there on every CPU.
  pollfd one{fd, events, 0};
  timespec now{};
  const long n = retried([&] { return kWatched ? poll(&one, 1, 0) : syscall(SYS_ppoll, &one, 1, &now, nullptr, 0L); });
  return n < 0 ? static_cast<int>(n) : one.revents;
}

int epoll_create_one() noexcept {
  return static_cast<int>(once([] { return epoll_create1(EPOLL_CLOEXEC); }));
}

int event_create_one() noexcept {
  return static_cast<int>(once([] { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }));
}

int epoll_change(int epoll, int operation, int fd, uint32_t events, uint64_t data) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  return static_cast<int>(once([&] { return epoll_ctl(epoll, operation, fd, &event); }));
}

int epoll_wait_some(int epoll, epoll_event* events, int room, uint64_t timeout_ns) noexcept {
  constexpr uint64_t kSecond = 1'000'000'000;
  int n;
  if (timeout_ns == 0 || timeout_ns == UINT64_MAX || no_pwait2.load(std::memory_order_relaxed)) {
    n = wait_ms(epoll, events, room, timeout_ns);
  } else {
    timespec timeout{};
    timeout.tv_sec = static_cast<time_t>(timeout_ns / kSecond);
    timeout.tv_nsec = static_cast<long>(timeout_ns % kSecond);
    n = static_cast<int>(once([&] { return syscall(kEpollPwait2, epoll, events, room, &timeout, nullptr, 0L); }));
    if (n == -ENOSYS || n == -EPERM) {  // an old kernel, an emulator, a sandbox
      no_pwait2.store(true, std::memory_order_relaxed);
      n = wait_ms(epoll, events, room, timeout_ns);
    }
  }
  return n == -EINTR ? 0 : n;
}

void event_raise(int fd) noexcept {
  const uint64_t one = 1;
  // It cannot block: nobody lets 2^64 of them pile up.
  static_cast<void>(retried([&] { return syscall(SYS_write, fd, &one, sizeof one); }));
}

void event_clear(int fd) noexcept {
  uint64_t count = 0;
  static_cast<void>(retried([&] { return syscall(SYS_read, fd, &count, sizeof count); }));
}

}  // namespace causeway::os
