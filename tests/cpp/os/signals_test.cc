// SPDX-License-Identifier: MIT
//
// Guards: a host's handler that is lost, changed, called in another way than the kernel would, or called in a circle.
// Faults are raised in child processes; sent signals in this one.
#include "runtime/os/signals.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <csetjmp>
#include <cstring>

#include "runtime/os/os.hpp"
#include "tests/cpp/base/child.hpp"

using namespace causeway;
using test::run_child;

namespace {

int our_calls = 0, host_calls = 0, host_signal = 0;
siginfo_t* host_info = nullptr;
sigset_t host_mask;
sigjmp_buf back;

void ours(int signal, siginfo_t* info, void* context) {
  ++our_calls;
  os::chain_previous(signal, info, context);
}
void host_plain(int signal) {
  ++host_calls;
  host_signal = signal;
  pthread_sigmask(SIG_SETMASK, nullptr, &host_mask);
}
void host_with_info(int signal, siginfo_t* info, void*) {
  host_plain(signal);
  host_info = info;
}
void host_jumps(int, siginfo_t*, void*) { siglongjmp(back, 1); }
void host_on_top(int signal, siginfo_t* info, void* context);
struct sigaction below_host;  // what host_on_top found when it was installed
void host_on_top(int signal, siginfo_t* info, void* context) {
  ++host_calls;
  below_host.sa_sigaction(signal, info, context);
}

// Gives SIGUSR1 the action for the time of a test, and whatever it was before afterwards.
struct Host {
  Host(int flags, void (*plain)(int), void (*info)(int, siginfo_t*, void*) = nullptr) {
    struct sigaction action{};
    if (info != nullptr) action.sa_sigaction = info;
    else action.sa_handler = plain;
    action.sa_flags = flags;
    sigaddset(&action.sa_mask, SIGUSR2);
    sigaction(SIGUSR1, &action, &before);
    our_calls = host_calls = 0;
    host_info = nullptr;
  }
  ~Host() { sigaction(SIGUSR1, &before, nullptr); }
  struct sigaction before{};
};

struct sigaction action_of(int signal) {
  struct sigaction action{};
  sigaction(signal, nullptr, &action);
  return action;
}

int* volatile no_address = nullptr;  // read at run time: a constant null would be undefined where the compiler sees it
[[gnu::noinline]] void fault() { *const_cast<volatile int*>(no_address) = 1; }

// A child inherits the counts of the cases before it.
void count_anew() { our_calls = host_calls = 0; }

}  // namespace

TEST_CASE("the host's handler is called after ours, and is back with its own flags and mask") {
  Host host(SA_NODEFER, &host_plain);
  REQUIRE(os::install_handler(SIGUSR1, &ours, SA_ONSTACK));
  CHECK(os::handler_active(SIGUSR1));
  CHECK((action_of(SIGUSR1).sa_flags & (SA_SIGINFO | SA_ONSTACK)) == (SA_SIGINFO | SA_ONSTACK));
  raise(SIGUSR1);
  CHECK(our_calls == 1);
  CHECK(host_calls == 1);
  CHECK(host_signal == SIGUSR1);
  CHECK(sigismember(&host_mask, SIGUSR1) == 0);  // SA_NODEFER is the host's
  CHECK(sigismember(&host_mask, SIGUSR2) == 1);  // and so is its mask
  CHECK(os::remove_handler(SIGUSR1));
  CHECK_FALSE(os::handler_active(SIGUSR1));
  const auto after = action_of(SIGUSR1);
  CHECK((after.sa_handler == &host_plain));
  CHECK((after.sa_flags & (SA_NODEFER | SA_ONSTACK | SA_SIGINFO)) == SA_NODEFER);
  CHECK(sigismember(&after.sa_mask, SIGUSR2) == 1);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  CHECK(sigismember(&mask, SIGUSR2) == 0);
}

TEST_CASE("a handler with SA_SIGINFO gets the info, and its signal is blocked without SA_NODEFER") {
  Host host(SA_SIGINFO, nullptr, &host_with_info);
  REQUIRE(os::install_handler(SIGUSR1, &ours, 0));
  union sigval value{};
  value.sival_int = 42;
  sigqueue(getpid(), SIGUSR1, value);
  CHECK(host_calls == 1);
  REQUIRE(host_info != nullptr);
  CHECK(sigismember(&host_mask, SIGUSR1) == 1);
  CHECK(os::remove_handler(SIGUSR1));
}

TEST_CASE("SA_RESETHAND: the second signal finds the default") {
  const auto end = run_child([] {
    Host host(static_cast<int>(SA_RESETHAND), &host_plain);
    if (!os::install_handler(SIGUSR1, &ours, 0)) _exit(1);
    raise(SIGUSR1);
    if (host_calls != 1) _exit(2);
    raise(SIGUSR1);
    _exit(3);
  });
  CHECK(end.signal == SIGUSR1);
}

TEST_CASE("an ignored signal stays ignored, a default one ends the process") {
  Host host(0, SIG_IGN);
  REQUIRE(os::install_handler(SIGUSR1, &ours, 0));
  raise(SIGUSR1);
  CHECK(our_calls == 1);
  CHECK(os::remove_handler(SIGUSR1));
  CHECK((action_of(SIGUSR1).sa_handler == SIG_IGN));
  const auto end = run_child([] {
    signal(SIGUSR1, SIG_DFL);
    if (!os::install_handler(SIGUSR1, &ours, 0)) _exit(1);
    raise(SIGUSR1);
    _exit(2);
  });
  CHECK(end.signal == SIGUSR1);
  // What is ignored by default is no end.
  const auto child = run_child([] {
    count_anew();
    signal(SIGURG, SIG_DFL);
    if (!os::install_handler(SIGURG, &ours, 0)) _exit(1);
    raise(SIGURG);
    _exit(our_calls == 1 ? 0 : 2);
  });
  CHECK(child.exit_status == 0);
}

TEST_CASE("a fault that is not ours ends the process as without us, also when the host ignores the signal") {
  for (const auto disposition : {SIG_DFL, SIG_IGN}) {
    auto end = run_child([&] {
      signal(SIGSEGV, disposition);
      if (!os::install_handler(SIGSEGV, &ours, SA_ONSTACK)) _exit(1);
      fault();
    });
    CAPTURE(end.exit_status);
    CHECK(end.signal == SIGSEGV);
    CHECK_FALSE(end.timed_out);
  }
  // Sent from outside: ends with the default, is nothing when ignored.
  const auto sent = run_child([] {
    signal(SIGSEGV, SIG_DFL);
    if (!os::install_handler(SIGSEGV, &ours, SA_ONSTACK)) _exit(1);
    kill(getpid(), SIGSEGV);
    _exit(2);
  });
  CHECK(sent.signal == SIGSEGV);
  const auto ignored = run_child([] {
    count_anew();
    signal(SIGSEGV, SIG_IGN);
    if (!os::install_handler(SIGSEGV, &ours, SA_ONSTACK)) _exit(1);
    kill(getpid(), SIGSEGV);
    _exit(our_calls == 1 ? 0 : 2);
  });
  CHECK(ignored.exit_status == 0);
}

TEST_CASE("a host's handler may jump out of a fault, again and again") {
  const auto end = run_child([] {
    count_anew();
    struct sigaction action{};
    action.sa_sigaction = &host_jumps;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, nullptr);
    os::AltStack stack;
    if (!stack.ensure() || !os::install_handler(SIGSEGV, &ours, SA_ONSTACK)) _exit(1);
    static int round;  // not a local: it must live through the jumps
    for (round = 0; round < 100; ++round)
      if (sigsetjmp(back, 1) == 0) fault();
    _exit(our_calls == 100 ? 0 : 2);
  });
  CHECK(end.exit_status == 0);
}

TEST_CASE("INV-SIG1, INV-SIG2: with a host's handler on top ours stays below it, and never twice in the chain") {
  Host host(0, &host_plain);
  REQUIRE(os::install_handler(SIGUSR1, &ours, 0));
  REQUIRE(os::install_handler(SIGUSR1, &ours, 0));  // again: nothing
  struct sigaction top{};
  top.sa_sigaction = &host_on_top;
  top.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR1, &top, &below_host);
  CHECK_FALSE(os::remove_handler(SIGUSR1));
  CHECK_FALSE(os::handler_active(SIGUSR1));
  CHECK((action_of(SIGUSR1).sa_sigaction == &host_on_top));
  raise(SIGUSR1);  // top, ours as a link, the host's first
  CHECK(our_calls == 1);
  CHECK(host_calls == 2);
  REQUIRE(os::install_handler(SIGUSR1, &ours, 0));
  CHECK(os::handler_active(SIGUSR1));
  CHECK((action_of(SIGUSR1).sa_sigaction == &host_on_top));
  raise(SIGUSR1);
  CHECK(our_calls == 2);  // once each: no circle
  CHECK(host_calls == 4);
  sigaction(SIGUSR1, &below_host, nullptr);  // the host takes its own away
  CHECK(os::remove_handler(SIGUSR1));
  CHECK((action_of(SIGUSR1).sa_handler == &host_plain));
}

TEST_CASE("bad signals, a second handler of ours, and a refusing kernel are errors with a name") {
  CHECK(os::install_handler(0, &ours, 0).error().code == CW_E_INVALID);
  CHECK(os::install_handler(65, &ours, 0).error().code == CW_E_INVALID);
  CHECK(os::install_handler(SIGUSR1, nullptr, 0).error().code == CW_E_INVALID);
  const auto killed = os::install_handler(SIGKILL, &ours, 0);
  REQUIRE_FALSE(killed);
  CHECK(killed.error().code == CW_E_SYSTEM);
  CHECK(killed.error().sys_errno == EINVAL);
  CHECK_FALSE(os::handler_active(SIGKILL));
  os::testing::fail_next(os::FaultPoint::Sigaction, 1, false, EINVAL);
  CHECK(os::install_handler(SIGUSR1, &ours, 0).error().code == CW_E_SYSTEM);
  os::testing::clear_faults();
  Host host(0, &host_plain);
  REQUIRE(os::install_handler(SIGUSR1, &ours, 0));
  CHECK(os::install_handler(SIGUSR1, &host_with_info, 0).error().code == CW_E_BUSY);
  CHECK(os::remove_handler(SIGUSR1));
  CHECK(os::remove_handler(SIGUSR1));  // nothing left to do
  CHECK_FALSE(os::handler_active(-1));
}

TEST_CASE("errno is the interrupted code's") {
  Host host(0, &host_plain);
  REQUIRE(os::install_handler(SIGUSR1, &ours, 0));
  errno = EDOM;
  raise(SIGUSR1);
  CHECK(errno == EDOM);
  CHECK(os::remove_handler(SIGUSR1));
}
