// SPDX-License-Identifier: MIT
//
// The floor under the echo rows: a server of one thread and one epoll loop, without any scheduler, connections or stacks of its own.
#include "bench/echo/listen.hpp"

#include <array>
#include <cstring>

#include <sys/epoll.h>
#include <unistd.h>

namespace {

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    std::perror("epoll_ctl");
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || std::strncmp(argv[1], "echo-server/", 12) != 0) {
    std::fprintf(stderr, "usage: %s echo-server/VARIANT\n", argv[0]);
    return 2;
  }
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  const int listener = bench::listen_on_loopback();
  watch(epoll, listener);
  std::array<char, bench::kEchoBuffer> buffer;
  std::array<epoll_event, 256> events;
  for (;;) {
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        const int connection = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (connection >= 0) { watch(epoll, connection); }
        continue;
      }
      const ssize_t got = read(fd, buffer.data(), buffer.size());
      if (got <= 0 || write(fd, buffer.data(), static_cast<std::size_t>(got)) != got) { close(fd); }
    }
  }
}
