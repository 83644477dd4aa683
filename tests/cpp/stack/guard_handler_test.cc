// SPDX-License-Identifier: MIT
//
// Risk: an overflow dies without a word; a fault that is none of ours is swallowed or ends in a loop; the host's handler is lost.
//
// Each case is a child that overflows for real: a recursion on a 64 KiB stack, entered by swapcontext, which needs no scheduler.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <cstdio>
#include <cstring>

#include "runtime/os/os.hpp"
#include "runtime/stack/overflow.hpp"
#include "tests/cpp/stack/child.hpp"

using namespace causeway;
using stack::Stack;
using stack::StackClass;

namespace {

void describe(const stack::GuardHit&, stack::OwnerText& text) noexcept { text.append("17 \"deep one\""); }

// Frames of some 200 bytes: no frame steps over the guard.
[[gnu::noinline]] int recurse(int depth) {
  volatile char frame[128];
  frame[0] = static_cast<char>(depth);
  const int below = depth < 0 ? 0 : recurse(depth + 1);
  return below + frame[0];
}

// 1 MiB on a stack of 64 KiB, touched at its far end first: only the compiler's probes meet the guard.
[[gnu::noinline]] void large_array() {
  char array[1 << 20];
  asm volatile("" : : "r"(array) : "memory");  // the compiler must believe that all of it is used
}

void run_recursion() { recurse(0); }
void run_large_array() { large_array(); }

struct Started {
  Started() {
    if (!pool.start({}).has_value() || !pool.reserve(StackClass::k64K).has_value()) _exit(90);
    one = pool.bind(StackClass::k64K);
    if (!alternate.allocate().has_value() || !alternate.install().has_value()) _exit(91);
  }
  void run_on_stack(void (*body)()) {
    static ucontext_t host, green;
    getcontext(&green);
    green.uc_stack.ss_sp = one.low;
    green.uc_stack.ss_size = one.bytes();
    green.uc_link = &host;
    makecontext(&green, body, 0);
    swapcontext(&host, &green);
  }
  stack::Pool pool;
  Stack one;
  os::AltStack alternate;
};

// False where the kernel gives no guard that faults: then there is nothing to report at the fault.
bool guards_fault() {
  stack::Pool pool;
  return pool.start({}).has_value() && pool.stats().guard != stack::GuardKind::Watch;
}

void host_handler(int, siginfo_t* info, void*) {
  char text[64];
  const int n = std::snprintf(text, sizeof text, "host handler %p\n", info->si_addr);
  if (write(2, text, static_cast<size_t>(n)) < 0) _exit(8);
  _exit(7);
}

void set_host_handler() {
  struct sigaction action{};
  action.sa_sigaction = host_handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace

TEST_CASE("infinite recursion ends with a report that names the green thread, its size and the addresses") {
  REQUIRE(guards_fault());
  const auto end = stack_test::in_child([] {
    Started started;
    if (!stack::install_guard_handler(started.pool, describe).has_value()) return false;
    started.run_on_stack(run_recursion);
    return false;
  });
  INFO(end.status << ' ' << end.text);
  CHECK(end.says("causeway: fatal: stack-overflow: green thread 17 \"deep one\": its stack of 64 KiB [0x"));
  CHECK(end.says(") is used up at sp=0x"));
  CHECK(end.says("; raise spawn_options.stack_size or move work out of large local arrays\n"));
  CHECK(end.killed_by(SIGABRT));
}

TEST_CASE("a 1 MiB array on a 64 KiB stack meets the guard in code that is built with stack-clash probes") {
  REQUIRE(guards_fault());
  const auto end = stack_test::in_child([] {
    Started started;
    if (!stack::install_guard_handler(started.pool, describe).has_value()) return false;
    started.run_on_stack(run_large_array);
    return false;
  });
  INFO(end.status << ' ' << end.text);
  CHECK(end.says("causeway: fatal: stack-overflow: green thread 17 \"deep one\": its stack of 64 KiB [0x"));
}

TEST_CASE("a fault that is none of ours goes to the host's handler, and so does a sent signal whose payload looks like a guard") {
  const auto fault = stack_test::in_child([] {
    set_host_handler();
    Started started;
    if (!stack::install_guard_handler(started.pool, describe).has_value()) return false;
    *static_cast<volatile char*>(mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) = 1;
    return false;
  });
  CHECK(fault.exited_with(7));
  CHECK(fault.says("host handler 0x"));
  CHECK_FALSE(fault.says("causeway"));
  const auto sent = stack_test::in_child([] {
    set_host_handler();
    Started started;
    if (!stack::install_guard_handler(started.pool, describe).has_value()) return false;
    siginfo_t info{};
    info.si_signo = SIGSEGV;
    info.si_code = SI_QUEUE;
    info.si_addr = started.one.low - 1;
    syscall(SYS_rt_sigqueueinfo, getpid(), SIGSEGV, &info);
    return false;
  });
  CHECK(sent.exited_with(7));
}

TEST_CASE("after uninstalling, the host's handler is back, and a guard hit is the host's") {
  REQUIRE(guards_fault());
  const auto end = stack_test::in_child([] {
    set_host_handler();
    Started started;
    if (!stack::install_guard_handler(started.pool, describe).has_value()) return false;
    stack::uninstall_guard_handler();
    struct sigaction now{};
    sigaction(SIGSEGV, nullptr, &now);
    if (now.sa_sigaction != host_handler) return false;
    started.run_on_stack(run_recursion);
    return false;
  });
  INFO(end.status << ' ' << end.text);
  CHECK(end.exited_with(7));
  CHECK_FALSE(end.says("causeway"));
}

TEST_CASE("a handler that the host has put on top stays when ours is taken away") {
  const auto end = stack_test::in_child([] {
    Started started;
    if (!stack::install_guard_handler(started.pool, describe).has_value()) return false;
    set_host_handler();
    stack::uninstall_guard_handler();
    struct sigaction now{};
    sigaction(SIGSEGV, nullptr, &now);
    return now.sa_sigaction == host_handler;
  });
  CHECK(end.exited_with(0));
}

TEST_CASE("the handler serves one pool at a time and can be installed again") {
  const auto end = stack_test::in_child([] {
    Started first, second_owner_of_nothing;
    if (!stack::install_guard_handler(first.pool, describe).has_value()) return false;
    const auto busy = stack::install_guard_handler(second_owner_of_nothing.pool, describe);
    if (busy.has_value() || busy.error().code != CW_E_BUSY) return false;
    stack::uninstall_guard_handler();
    stack::uninstall_guard_handler();
    if (!stack::install_guard_handler(second_owner_of_nothing.pool, describe).has_value()) return false;
    second_owner_of_nothing.run_on_stack(run_recursion);
    return false;
  });
  INFO(end.status << ' ' << end.text);
  CHECK(end.says("green thread 17 \"deep one\""));
}

TEST_CASE("a handler that cannot be installed leaves none behind") {
  const auto end = stack_test::in_child([] {
    Started started;
    int failures = 0;
    // One after the other, each of the system calls that installing makes fails.
    for (unsigned nth = 1; nth <= 10; ++nth) {
      os::testing::fail_next(os::FaultPoint::Sigaction, nth, false, EINVAL);
      const auto result = stack::install_guard_handler(started.pool, describe);
      os::testing::clear_faults();
      if (result.has_value()) {
        stack::uninstall_guard_handler();
      } else {
        ++failures;
      }
      for (const int number : {SIGSEGV, SIGBUS}) {
        struct sigaction now{};
        sigaction(number, nullptr, &now);
        if (now.sa_handler != SIG_DFL) return false;
      }
    }
    return failures >= 2;
  });
  CHECK(end.exited_with(0));
}
