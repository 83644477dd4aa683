// SPDX-License-Identifier: MIT
//
// The end of a file beside calls that no event ends, and in a child process that shares the poller's kernel object with its parent.
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstring>
#include <optional>

#include "tests/cpp/io/support.hpp"

namespace {

using namespace io_test;

TEST_CASE("a child of fork that drops a file leaves the parent's connection alone") {
  const Runtime runtime(2);
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  std::optional<file> ours{file::adopt(ends[0]).value()};
  const auto read_one = [&] {
    return causeway::spawn([&] {
      char byte = 0;
      return ours->read(&byte, 1, kLimit).has_value();
    });
  };
  auto before = read_one();
  CHECK(eventually([] { return waiters() == 1; }));
  REQUIRE(write(ends[1], "x", 1) == 1);
  CHECK(before.join());
  const pid_t child = fork();
  if (child == 0) {
    ours.reset();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  auto after = read_one();
  CHECK(eventually([] { return waiters() == 1; }));
  REQUIRE(write(ends[1], "y", 1) == 1);
  CHECK(after.join());
  close(ends[1]);
}

TEST_CASE("close() ends a connect to a local listener whose queue is full") {
  const Runtime runtime(2);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "causeway-io-test-%d", getpid());
  const auto size = static_cast<socklen_t>(sizeof(sa_family_t) + 1 + std::strlen(address.sun_path + 1));
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(bind(listener, where, size) == 0);
  REQUIRE(listen(listener, 0) == 0);
  std::vector<int> queued;
  for (;;) {
    queued.push_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (connect(queued.back(), where, size) != 0) break;
  }
  CHECK(errno == EAGAIN);
  file late = file::adopt(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)).value();
  std::atomic<bool> begun{false};
  auto caller = causeway::spawn([&] {
    begun = true;
    return late.connect(where, size).error();
  });
  CHECK(eventually([&] { return begun && causeway::stats().greens_parked == 1; }));
  CHECK(late.close().has_value());
  CHECK(caller.join() == CW_E_CLOSED);
  for (const int fd : queued) close(fd);
  close(listener);
}

}  // namespace
