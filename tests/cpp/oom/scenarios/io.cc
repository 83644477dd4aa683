// SPDX-License-Identifier: MIT
//
// Descriptors: files over pipes and sockets, waits on raw descriptors. The descriptors themselves are the scenario's, made by the C library's
// own calls, and closed on every way out.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tests/cpp/oom/scenario.hpp"

namespace {

using causeway::spawn;
using causeway::io::file;
using oom::must;
using oom::need;

// A connected pair; what was not taken by a file is closed.
struct Pair {
  int fds[2] = {-1, -1};
  Pair() {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
      throw std::system_error(errno, std::generic_category());
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    for (const int fd : fds)
      if (fd >= 0) close(fd);
  }
  file take(int which) {
    auto made = file::adopt(fds[which]);
    if (!made) need(made.error());
    fds[which] = -1;
    return std::move(*made);
  }
};

template <class T>
T got(causeway::result<T> result) {
  if (!result) need(result.error());
  return std::move(*result);
}

// Each side owns its file, so that the other one sees an end when it was refused something; only then may it see one.
size_t moved(causeway::result<size_t> result) {
  if (!result && (result.error() == CW_E_CLOSED || result.error() == CW_E_SYSTEM)) need(CW_E_NOMEM);
  const size_t n = got(result);
  if (n == 0) need(CW_E_NOMEM);
  return n;
}

void echo() {
  Pair pair;
  auto server = spawn([there = pair.take(1)]() mutable {
    char text[64];
    for (int i = 0; i < 5; ++i) {
      const size_t n = moved(there.read(text, sizeof text));
      moved(there.write(text, n));
    }
  });
  auto client = spawn([here = pair.take(0)]() mutable {
    char text[64];
    size_t all = 0;
    for (int i = 0; i < 5; ++i) {
      moved(here.write("0123456789", 10));
      all += moved(here.read(text, sizeof text));
    }
    return all;
  });
  must(client.join() == 50, "all bytes come back");
  server.join();
}

void raw_waits() {
  Pair pair;
  auto reader = spawn([&] {
    need(causeway::io::wait_readable(pair.fds[0]));
    char byte = 0;
    must(read(pair.fds[0], &byte, 1) == 1, "it is readable");
  });
  auto late = spawn([&] { return causeway::io::wait_readable(pair.fds[1], std::chrono::microseconds(100)); });
  must(write(pair.fds[1], "x", 1) == 1, "a byte is sent");
  reader.join();
  const cw_status status = late.join();
  if (status != CW_E_TIMEOUT) need(status == CW_OK ? CW_E_INVALID : status);
}

void many_descriptors() {
  std::vector<std::unique_ptr<Pair>> pairs;
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 20; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    tasks.push_back(spawn([pair = pairs.back().get()] { need(causeway::io::wait_readable(pair->fds[0])); }));
  }
  for (auto& pair : pairs) must(write(pair->fds[1], "x", 1) == 1, "a byte is sent");
  for (auto& task : tasks) task.join();
}

}  // namespace

const std::vector<oom::Scenario>& oom::io_scenarios() {
  static const std::vector<Scenario> list = {
      {"io-echo", echo},
      {"io-raw-waits", raw_waits},
      {"io-many", many_descriptors},
  };
  return list;
}
