// SPDX-License-Identifier: MIT
//
// What the C++ echo servers share: a listening socket on the loopback address whose port is told to the load generator.
#pragma once

#include <cstdio>
#include <cstdlib>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace bench {

constexpr int kBacklog = 4096;
constexpr std::size_t kEchoBuffer = 1536;  // of each connection: room for what one Ethernet frame carries

// A non-blocking listener; its port is on stdout.
inline int listen_on_loopback() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* address = reinterpret_cast<sockaddr*>(&at);
  if (fd < 0 || bind(fd, address, size) != 0 || listen(fd, kBacklog) != 0 || getsockname(fd, address, &size) != 0) {
    std::perror("listen on the loopback address");
    std::exit(1);
  }
  std::printf("port %d\n", ntohs(at.sin_port));
  std::fflush(stdout);
  return fd;
}

}  // namespace bench
