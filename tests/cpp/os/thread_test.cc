// SPDX-License-Identifier: MIT
//
// Guards: a worker that a host's signal reaches, a thread that fails without a named reason, bounds that include the guard.
#include "runtime/os/thread.hpp"

#include <doctest/doctest.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "runtime/os/os.hpp"

using namespace causeway;

namespace {

struct Facts {
  sigset_t mask;
  char name[32] = {};
  uintptr_t low = 0, high = 0, here = 0;
  bool bounds = false;
  int id = 0;
  bool edges_readable = false;
};

void* look(void* arg) {
  auto& facts = *static_cast<Facts*>(arg);
  pthread_sigmask(SIG_SETMASK, nullptr, &facts.mask);
  facts.here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  facts.bounds = os::thread_stack_bounds(&facts.low, &facts.high);
  facts.id = os::thread_id();
  char byte;
  facts.edges_readable = facts.bounds && os::read_memory(&byte, reinterpret_cast<void*>(facts.low), 1) &&
                         os::read_memory(&byte, reinterpret_cast<void*>(facts.high - 1), 1);
  return arg;
}
void* name_of_self(void* arg) {
  // The creator names us after the start: wait for it.
  for (int i = 0; i < 2000; ++i) {
    pthread_getname_np(pthread_self(), static_cast<char*>(arg), 32);
    if (std::strncmp(static_cast<char*>(arg), "cw-", 3) == 0) break;
    os::sleep_ns(1'000'000);
  }
  return nullptr;
}

}  // namespace

TEST_CASE("a new thread blocks every signal but those of its own faults, and the creator's mask is as before") {
  sigset_t before, after;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  Facts facts;
  auto thread = os::thread_create(&look, &facts, 256 * 1024, "cw-test");
  REQUIRE(thread);
  void* result = nullptr;
  CHECK(pthread_join(*thread, &result) == 0);
  CHECK(result == &facts);
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP || (signal >= 32 && signal < SIGRTMIN)) continue;  // cannot be blocked; the C library's own
    const bool fault = signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGTRAP ||
                       signal == SIGSYS || signal == SIGABRT;
    CAPTURE(signal);
    CHECK(sigismember(&facts.mask, signal) == (fault ? 0 : 1));
    CHECK(sigismember(&after, signal) == sigismember(&before, signal));
  }
}

TEST_CASE("its stack has the size that was asked for, and its bounds hold what is usable") {
  Facts facts;
  auto thread = os::thread_create(&look, &facts, 300'000, nullptr);
  REQUIRE(thread);
  pthread_join(*thread, nullptr);
  REQUIRE(facts.bounds);
  CHECK(facts.low < facts.here);
  CHECK(facts.here < facts.high);
  CHECK(facts.high - facts.low >= 300'000 - 2 * os::page_size());
  CHECK(facts.high - facts.low < 1024 * 1024);
  CHECK(facts.edges_readable);  // the guard is not part of it
  CHECK(facts.id != os::thread_id());
  CHECK(facts.id > 0);
}

TEST_CASE("a tiny stack is raised to the system's minimum") {
  Facts facts;
  auto thread = os::thread_create(&look, &facts, 1, nullptr);
  REQUIRE(thread);
  pthread_join(*thread, nullptr);
  CHECK(facts.bounds);
}

TEST_CASE("the main thread has bounds too") {
  uintptr_t low = 0, high = 0;
  if (!os::thread_stack_bounds(&low, &high)) return;  // no /proc: that is what false is for
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  CHECK(low < here);
  CHECK(here < high);
}

TEST_CASE("a long name is cut, not refused") {
  char name[32] = {};
  auto thread = os::thread_create(&name_of_self, name, 0, "cw-worker-number-1234567");
  REQUIRE(thread);
  pthread_join(*thread, nullptr);
  CHECK(std::string_view(name) == "cw-worker-numbe");
}

TEST_CASE("a thread that cannot be made is CW_E_NOMEM or CW_E_SYSTEM, with the errno and what to do") {
  Facts facts;
  os::testing::fail_next(os::FaultPoint::Thread, 1, false, EAGAIN);
  auto thread = os::thread_create(&look, &facts, 0, "cw-test");
  REQUIRE_FALSE(thread);
  CHECK(thread.error().code == CW_E_NOMEM);
  CHECK(thread.error().sys_errno == EAGAIN);
  CHECK(std::string_view(thread.error().text).find("limit") != std::string_view::npos);
  os::testing::fail_next(os::FaultPoint::Thread, 1, false, EPERM);
  thread = os::thread_create(&look, &facts, 0, "cw-test");
  REQUIRE_FALSE(thread);
  CHECK(thread.error().code == CW_E_SYSTEM);
  os::testing::clear_faults();
  thread = os::thread_create(&look, &facts, size_t{1} << 60, "cw-test");  // more than any address space has
  REQUIRE_FALSE(thread);
  CHECK(thread.error().code == CW_E_NOMEM);
  thread = os::thread_create(&look, &facts, SIZE_MAX, "cw-test");
  REQUIRE_FALSE(thread);
  CHECK(thread.error().code == CW_E_NOMEM);
}

// As an audio thread's, which takes privileges that a test may not have.
TEST_CASE("a thread that a special one makes is an ordinary one") {
  REQUIRE(sched_getscheduler(getpid()) == SCHED_OTHER);
  std::thread([] {
    const sched_param none{};
    REQUIRE(sched_setscheduler(0, SCHED_BATCH, &none) == 0);
    std::atomic<int> policy{-1};
    const auto made = os::thread_create(
        [](void* out) -> void* {
          static_cast<std::atomic<int>*>(out)->store(sched_getscheduler(0));
          return nullptr;
        },
        &policy, 0, "ordinary");
    REQUIRE(made);
    pthread_join(*made, nullptr);
    CHECK(policy == SCHED_OTHER);
  }).join();
}

TEST_CASE("the thread id is the kernel's") { CHECK(os::thread_id() == static_cast<int>(syscall(SYS_gettid))); }
