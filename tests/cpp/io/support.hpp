// SPDX-License-Identifier: MIT
//
// What the I/O tests share: pairs of connected descriptors, and parties that are green threads or plain threads.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "causeway/causeway.hpp"
#include "doctest/doctest.h"
#include "runtime/sched/sched.hpp"
#include "tests/cpp/sched/support.hpp"

namespace io_test {

using namespace std::chrono_literals;
using causeway::io::file;
using causeway::io::wait_readable;
using causeway::io::wait_writable;
using sched_test::count_entries;
using sched_test::eventually;
using sched_test::kLimit;
using sched_test::Runtime;

enum class Kind { Green, Thread };
inline constexpr Kind kKinds[] = {Kind::Green, Kind::Thread};
inline const char* name(Kind kind) { return kind == Kind::Green ? "green thread" : "plain thread"; }

// Runs a function on a party of its own; the destructor waits for its end.
class Party {
 public:
  Party(Kind kind, std::function<void()> body) {
    if (kind == Kind::Green) green_.emplace(causeway::spawn(std::move(body)));
    else thread_.emplace(std::move(body));
  }
  ~Party() { join(); }
  Party(Party&&) = default;
  void join() {
    if (green_ && green_->joinable()) green_->join();
    if (thread_ && thread_->joinable()) thread_->join();
  }
  void request_stop() { green_->request_stop(); }

 private:
  std::optional<causeway::task<void>> green_;
  std::optional<std::thread> thread_;
};

// How many wait for a descriptor: the scheduler's own count.
inline uint32_t waiters() { return causeway::sched::detail::poller_slot.waiters.load(); }

// Two connected descriptors that are closed at the end, unless they were given away (set to -1).
struct Ends {
  int a = -1, b = -1;
  Ends() = default;
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;
  ~Ends() {
    drop(a);
    drop(b);
  }
  static void drop(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
  // Closes a number that others are using right now, which a sanitizer that watches descriptors reports: past it.
  static void take_away(int& fd) { syscall(SYS_close, std::exchange(fd, -1)); }
  int give(int Ends::* which) { return std::exchange(this->*which, -1); }
};

struct Pipe : Ends {  // a: reading end, b: writing end
  explicit Pipe(int flags = O_NONBLOCK) {
    int fds[2];
    REQUIRE(pipe2(fds, flags | O_CLOEXEC) == 0);
    a = fds[0];
    b = fds[1];
  }
};

struct LocalPair : Ends {
  explicit LocalPair(int type = SOCK_STREAM) {
    int fds[2];
    REQUIRE(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    a = fds[0];
    b = fds[1];
  }
};

// A socket that listens on a free port of the loopback, and its address.
struct Listener {
  int fd = -1;
  sockaddr_in address{};
  Listener() {
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(fd, 4096) == 0);
    socklen_t size = sizeof address;
    REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  }
  ~Listener() { Ends::drop(fd); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  const sockaddr* to() const { return reinterpret_cast<const sockaddr*>(&address); }
  int give() { return std::exchange(fd, -1); }
};

struct TcpPair : Ends {
  TcpPair() {
    const Listener listener;
    a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(connect(a, listener.to(), sizeof listener.address) == 0);
    b = accept(listener.fd, nullptr, nullptr);
    REQUIRE(b >= 0);
    const int one = 1;
    for (const int fd : {a, b}) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  }
};

inline bool put(int fd, std::string_view text) { return ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()); }
inline std::string get(int fd, size_t n = 100) {
  std::string text(n, '\0');
  const ssize_t got = ::read(fd, text.data(), n);
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return text;
}

// Fills a pipe or socket until it takes no more. The bytes that went in.
inline size_t fill(int fd) {
  char block[4096] = {};
  size_t all = 0;
  for (;;) {
    const ssize_t n = ::send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
    const ssize_t m = n >= 0 || errno != ENOTSOCK ? n : ::write(fd, block, sizeof block);
    if (m < 0) return all;
    all += static_cast<size_t>(m);
  }
}

}  // namespace io_test
