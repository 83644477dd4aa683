// SPDX-License-Identifier: MIT
//
// Guards: a handler that runs where there is no room, and an alternate stack of the host that is lost or replaced without need (FAULTS 70, 71).
#include "runtime/os/alt_stack.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>

#include <cerrno>
#include <thread>
#include <vector>

#include "runtime/os/os.hpp"

using namespace causeway;
using os::AltStack;

namespace {

stack_t current() {
  stack_t now{};
  sigaltstack(nullptr, &now);
  return now;
}
bool disabled() { return (current().ss_flags & SS_DISABLE) != 0; }
void disable() {
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  sigaltstack(&none, nullptr);
}

// Each case on a thread of its own that begins without an alternate stack; a sanitizer's is put back at the end.
template <class Fn>
void on_bare_thread(Fn&& fn) {
  std::thread([&] {
    const stack_t before = current();
    disable();
    fn();
    sigaltstack(&before, nullptr);
  }).join();
}

uintptr_t handler_frame = 0;
int install_errno = 0;
cw_status install_status = CW_OK;
AltStack* stack_in_use = nullptr;
void look(int, siginfo_t*, void*) {
  handler_frame = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  if (stack_in_use == nullptr) return;
  if (const auto result = stack_in_use->install(); !result) {
    install_status = result.error().code;
    install_errno = result.error().sys_errno;
  }
}

struct Action {
  explicit Action(int flags) {
    struct sigaction action{};
    action.sa_sigaction = &look;
    action.sa_flags = SA_SIGINFO | flags;
    sigaction(SIGUSR1, &action, &before);
  }
  ~Action() { sigaction(SIGUSR1, &before, nullptr); }
  struct sigaction before{};
};

}  // namespace

TEST_CASE("a handler with SA_ONSTACK runs on it") {
  on_bare_thread([] {
    AltStack stack;
    REQUIRE(stack.allocate());
    CHECK(stack.allocated());
    REQUIRE(stack.install());
    CHECK(stack.installed());
    Action action(SA_ONSTACK);
    pthread_kill(pthread_self(), SIGUSR1);
    CHECK(stack.contains(handler_frame));
    CHECK_FALSE(stack.contains(reinterpret_cast<uintptr_t>(&stack)));
    stack.restore();
    CHECK(disabled());
    stack.release();
    CHECK_FALSE(stack.allocated());
  });
}

TEST_CASE("its size is at least 64 KiB and has a guard below") {
  CHECK(AltStack::usable_bytes() >= 64 * 1024);
  on_bare_thread([] {
    AltStack stack;
    REQUIRE(stack.allocate());
    REQUIRE(stack.install());
    const stack_t now = current();
    CHECK(now.ss_size == AltStack::usable_bytes());
    char byte;
    CHECK(os::read_memory(&byte, now.ss_sp, 1));
    CHECK_FALSE(os::read_memory(&byte, static_cast<char*>(now.ss_sp) - 1, 1));
    stack.restore();
    stack.release();
  });
}

TEST_CASE("what the host had set comes back") {
  on_bare_thread([] {
    std::vector<char> memory(128 * 1024);
    stack_t host{};
    host.ss_sp = memory.data();
    host.ss_size = memory.size();
    REQUIRE(sigaltstack(&host, nullptr) == 0);
    AltStack stack;
    REQUIRE(stack.allocate());
    REQUIRE(stack.install());
    REQUIRE(stack.install());  // again: ours is not what was there before
    CHECK(current().ss_sp != host.ss_sp);
    stack.restore();
    CHECK(current().ss_sp == host.ss_sp);
    CHECK(current().ss_size == host.ss_size);
    stack.release();
    disable();
  });
}

TEST_CASE("FAULTS 70: one that C has set since stays when ours goes") {
  on_bare_thread([] {
    AltStack stack;
    REQUIRE(stack.ensure());
    CHECK(stack.installed());
    std::vector<char> memory(64 * 1024);
    stack_t later{};
    later.ss_sp = memory.data();
    later.ss_size = memory.size();
    REQUIRE(sigaltstack(&later, nullptr) == 0);
    stack.restore();
    CHECK(current().ss_sp == later.ss_sp);
    stack.release();
    // C frees its own and sets none: asked again, ours is there.
    disable();
    REQUIRE(stack.ensure());
    CHECK_FALSE(disabled());
    disable();  // and none is what stays, if C wants none
    stack.restore();
    CHECK(disabled());
    stack.release();
  });
}

TEST_CASE("FAULTS 71: a large enough one is left alone, one below the kernel's minimum is replaced and put back") {
  on_bare_thread([] {
    std::vector<char> memory(128 * 1024);
    stack_t host{};
    host.ss_sp = memory.data();
    host.ss_size = memory.size();
    REQUIRE(sigaltstack(&host, nullptr) == 0);
    AltStack stack;
    REQUIRE(stack.ensure());
    CHECK_FALSE(stack.installed());
    CHECK_FALSE(stack.allocated());
    CHECK(current().ss_sp == host.ss_sp);
    {
      AltStack of_an_earlier_thread;  // its memory is there
      REQUIRE(of_an_earlier_thread.allocate());
      REQUIRE(of_an_earlier_thread.ensure());
      CHECK_FALSE(of_an_earlier_thread.installed());
      CHECK(current().ss_sp == host.ss_sp);
      CHECK(current().ss_size == host.ss_size);
      of_an_earlier_thread.release();
    }
    host.ss_size = 2048;  // what MINSIGSTKSZ was before register files grew; newer kernels may refuse it themselves
    if (sigaltstack(&host, nullptr) == 0) {
      REQUIRE(stack.ensure());
      const bool replaced = current().ss_sp != host.ss_sp;
      CHECK(replaced == stack.installed());
      CHECK((replaced || current().ss_size >= 2048));
      stack.restore();
      CHECK(current().ss_sp == host.ss_sp);
      stack.release();
    }
    disable();
  });
}

TEST_CASE("on the alternate stack itself it cannot be changed: CW_E_STATE") {
  on_bare_thread([] {
    AltStack stack;
    REQUIRE(stack.ensure());
    Action action(SA_ONSTACK);
    stack_in_use = &stack;
    pthread_kill(pthread_self(), SIGUSR1);
    stack_in_use = nullptr;
    CHECK(install_status == CW_E_STATE);
    CHECK(install_errno == EPERM);
    stack.restore();
    CHECK(disabled());
    stack.release();
  });
}

TEST_CASE("without memory, mappings or a kernel that agrees it is an error with a name") {
  on_bare_thread([] {
    AltStack stack;
    os::testing::fail_next(os::FaultPoint::Map, 1, false, ENOMEM);
    auto result = stack.ensure();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == CW_E_NOMEM);
    os::testing::fail_next(os::FaultPoint::Protect, 1, false, ENOMEM);
    result = stack.ensure();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == CW_E_NOMEM);
    CHECK_FALSE(stack.allocated());
    os::testing::fail_next(os::FaultPoint::AltStack, 1, false, EINVAL);
    result = stack.ensure();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == CW_E_SYSTEM);
    CHECK_FALSE(stack.installed());
    os::testing::clear_faults();
    CHECK(stack.ensure());
    stack.restore();
    stack.release();
  });
}
