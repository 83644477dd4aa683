// SPDX-License-Identifier: MIT
//
// No deadlock is reported while the only M that has anything is on its way from the poller to a queue: nobody is linked as a waiter any more,
// nobody is in a queue yet, and all Ps are idle. INV-POLL3
//
// The way is made long: taking a registration away, which the dispatch of an event does, sleeps for 60 ms every tenth time; three looks of the
// deadlock check fit into that. Without INV-POLL3 the process ends with `fatal: deadlock`.
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "causeway/causeway.hpp"

namespace {

constexpr int kBytes = 300;
std::atomic<int> taken_away{0};

void sleep_ms(long ms) {
  const timespec time{0, ms * 1'000'000};
  nanosleep(&time, nullptr);
}

}  // namespace

extern "C" int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  if (operation == EPOLL_CTL_DEL && ++taken_away % 10 == 0) sleep_ms(60);
  return static_cast<int>(syscall(SYS_epoll_ctl, epoll, operation, fd, event));
}

int main() {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return 2;
  const pid_t writer = fork();
  if (writer == 0) {
    close(ends[0]);
    for (int i = 0; i < kBytes; ++i) {
      sleep_ms(2);  // the monitor stays awake
      if (write(ends[1], "x", 1) != 1) _exit(1);
    }
    _exit(0);
  }
  close(ends[1]);
  causeway::options options;
  options.processors = 2;
  const causeway::runtime runtime(options);
  const int got = causeway::spawn([&] {
                    int n = 0;
                    for (;;) {
                      if (causeway::io::wait_readable(ends[0]) != CW_OK) return -1;
                      char room[64];
                      const ssize_t some = read(ends[0], room, sizeof room);
                      if (some == 0) return n;
                      if (some > 0) n += static_cast<int>(some);
                    }
                  }).join();
  waitpid(writer, nullptr, 0);
  if (got != kBytes || taken_away < 10) fprintf(stderr, "%d bytes, %d registrations taken away\n", got, taken_away.load());
  return got != kBytes || taken_away < 10;
}
