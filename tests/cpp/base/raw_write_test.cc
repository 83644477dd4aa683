// SPDX-License-Identifier: MIT
//
// Guards: lost bytes, a changed errno, a SIGPIPE out of a report, a write that waits for ever.
#include "runtime/base/raw_write.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>

#include "tests/cpp/base/child.hpp"

using namespace causeway;

namespace {

void on_signal(int) {}

struct Reader {
  int fd;
  std::string got;
};
void* read_all(void* arg) {
  auto& reader = *static_cast<Reader*>(arg);
  char piece[1000];
  for (;;) {
    const ssize_t n = read(reader.fd, piece, sizeof piece);
    if (n <= 0) return nullptr;
    reader.got.append(piece, static_cast<size_t>(n));
  }
}

}  // namespace

TEST_CASE("a text of many pipe buffers arrives whole, in order, while signals arrive") {
  struct sigaction action{}, before{};
  action.sa_handler = &on_signal;  // no SA_RESTART: EINTR in poll and write
  sigaction(SIGUSR1, &action, &before);
  int fds[2];
  REQUIRE(pipe(fds) == 0);
  std::string text(300'000, '\0');  // a pipe holds 65 536 bytes
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 26);
  Reader reader{fds[0], {}};
  pthread_t thread;
  pthread_create(&thread, nullptr, &read_all, &reader);
  pthread_t self = pthread_self();
  std::atomic<bool> stop{false};
  struct Storm {
    pthread_t target;
    std::atomic<bool>* stop;
  } storm{self, &stop};
  pthread_t stormer;
  pthread_create(
      &stormer, nullptr,
      [](void* arg) -> void* {
        auto& s = *static_cast<Storm*>(arg);
        while (!s.stop->load()) pthread_kill(s.target, SIGUSR1), usleep(50);
        return nullptr;
      },
      &storm);
  int budget_ms = 5000;
  CHECK(base::raw_write_to(fds[1], text, &budget_ms));
  stop.store(true);
  pthread_join(stormer, nullptr);
  close(fds[1]);
  pthread_join(thread, nullptr);
  close(fds[0]);
  CHECK(reader.got == text);
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_CASE("a pipe that nobody reads costs the budget and no more") {
  int fds[2];
  REQUIRE(pipe(fds) == 0);
  const std::string text(200'000, 'x');  // three times what the pipe holds
  int budget_ms = 100;
  const auto begin = std::chrono::steady_clock::now();
  errno = EDOM;
  CHECK_FALSE(base::raw_write_to(fds[1], text, &budget_ms));
  CHECK(errno == EDOM);
  CHECK(budget_ms == 0);
  CHECK_FALSE(base::raw_write_to(fds[1], text, &budget_ms));  // used up: at once
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
  CHECK(ms >= 90);
  CHECK(ms < 1000);
  close(fds[0]);
  close(fds[1]);
}

TEST_CASE("a pipe without a reader is an answer, not a SIGPIPE, and the mask is as before") {
  const auto end = test::run_child([] {  // SIGPIPE has its default action there
    int fds[2];
    if (pipe(fds) != 0) _exit(1);
    close(fds[0]);
    int budget_ms = 100;
    if (base::raw_write_to(fds[1], "x", &budget_ms)) _exit(2);
    sigset_t mask, pending;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    sigpending(&pending);
    if (sigismember(&mask, SIGPIPE) || sigismember(&pending, SIGPIPE)) _exit(3);
    _exit(0);
  });
  CHECK(end.exit_status == 0);
  CHECK(end.signal == 0);
}

TEST_CASE("a closed descriptor fails at once and keeps errno") {
  for (const int fd : {-1, 1'000'000}) {
    int budget_ms = 100;
    errno = EDOM;
    CHECK_FALSE(base::raw_write_to(fd, "x", &budget_ms));
    CHECK(errno == EDOM);
    CHECK(budget_ms > 50);
  }
}
