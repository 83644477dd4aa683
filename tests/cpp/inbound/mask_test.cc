// SPDX-License-Identifier: MIT
//
// The signal mask of managed code, and what a program that it starts inherits (FAULTS 74).
//
// Risk: a child that no signal can end, a raise() that stays pending for ever, a profiler that sees no green thread.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

// What a program that is started here has blocked and ignored. Without a shell, which may put its own mask right.
std::string inherited() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  char name[] = "grep", option[] = "-E", what[] = "^Sig(Blk|Ign)", where[] = "/proc/self/status";
  char* const arguments[] = {name, option, what, where, nullptr};
  pid_t child = 0;
  const int error = posix_spawnp(&child, name, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string text = error == 0 ? "" : "not spawned";
  std::array<char, 256> piece{};
  for (ssize_t n = 0; (n = read(ends[0], piece.data(), piece.size())) > 0;) text.append(piece.data(), static_cast<size_t>(n));
  close(ends[0]);
  if (error == 0) waitpid(child, nullptr, 0);
  return text;
}

std::string blocked_here() {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  std::string text;
  for (int signal = 1; signal <= SIGRTMAX; ++signal)
    if (sigismember(&mask, signal) == 1) text += std::to_string(signal) + " ";
  return text;
}

// As a host that gives some signals to one of its threads.
struct Blocked {
  sigset_t before{};
  Blocked() {
    sigset_t some;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    sigaddset(&some, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &some, &before);
  }
  ~Blocked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
};

TEST_CASE("FAULTS 74: what managed code starts inherits the mask and the dispositions of the host") {
  const auto compare = [] {
    const std::string host = inherited(), host_mask = blocked_here();
    REQUIRE(host.find("SigBlk") != std::string::npos);
    Runtime runtime(2);
    std::string green, called, callback, thread, mask;
    causeway::spawn([&] {
      mask = blocked_here();
      causeway::call([&] { called = inherited(); });
      causeway::call_blocking([&] { green = inherited(); });
      causeway::call([&] { std::thread([&] { thread = blocked_here(); }).join(); });
    }).join();
    on_thread([&] { enter([&] { causeway::call([&] { callback = inherited(); }); }); });
    CHECK(mask == host_mask);
    CHECK(thread == host_mask);
    CHECK(called == host);
    CHECK(green == host);
    CHECK(callback == host);
  };
  SUBCASE("nothing is blocked") { compare(); }
  SUBCASE("the host blocks some signals") {
    const Blocked blocked;
    compare();
  }
}

std::atomic<int> handled{0};

TEST_CASE("a signal that a green thread raises is handled at once") {
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = [](int) { ++handled; };
  REQUIRE(sigaction(SIGUSR2, &action, &before) == 0);
  {
    Runtime runtime(2);
    causeway::spawn([] {
      raise(SIGUSR2);
      CHECK(handled == 1);
      causeway::call([] { raise(SIGUSR2); });
      CHECK(handled == 2);
    }).join();
  }
  sigaction(SIGUSR2, &before, nullptr);
}

}  // namespace
