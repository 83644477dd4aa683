// SPDX-License-Identifier: MIT
//
// Crash reports: who makes the page when several crash, and what comes after it.
//
// Risk: a host's handler that is not called, or called otherwise than the kernel would; a page that takes the process's death with it, or is printed
// where nobody asked for one; a hang.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <csetjmp>
#include <initializer_list>
#include <thread>

#include "runtime/sched/sched.hpp"
#include "tests/cpp/death/crash.hpp"

// In place of the C library's: a case wants to be in a set-user-id program.
static bool secure = false;
extern "C" unsigned long getauxval(unsigned long type) noexcept {
  if (secure && type == AT_SECURE) return 1;
  static const auto real = reinterpret_cast<unsigned long (*)(unsigned long)>(dlsym(RTLD_NEXT, "getauxval"));
  return real(type);
}

namespace {

using causeway::call;
using causeway::enter;
using namespace death;

// --- the report itself --------------------------------------------------------------------------------------------------------------

void the_report_crashes() {
  signal(SIGSEGV, [](int) { say("host: called\n"); });
  causeway::runtime runtime(reporting());
  causeway::spawn([] {
    causeway::sched::current_green()->name = static_cast<char*>(page());
    crash_outer();
  }).join();
}
// By a signal that is not blocked in the handler of the first one.
void the_report_crashes_otherwise() {
  signal(SIGBUS, [](int) { say("host: called\n"); });
  causeway::runtime runtime(reporting());
  causeway::spawn([] {
    causeway::sched::current_green()->name = static_cast<char*>(empty_file());
    crash_outer();
  }).join();
}
// The page is longer than the pipe that is stderr, and nobody reads it before the second thread has crashed: were the page not waited for, its end
// would be missing.
struct SlowReader {
  SlowReader() {
    shared = static_cast<std::atomic<bool>*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    int fds[2];
    if (pipe(fds) != 0) _exit(91);
    fcntl(fds[1], F_SETPIPE_SZ, 4096);
    if (fork() == 0) {
      close(fds[1]);
      while (!*shared) usleep(1000);
      usleep(50'000);
      char piece[512];
      for (ssize_t n = 0; (n = read(fds[0], piece, sizeof piece)) > 0;)
        if (write(STDERR_FILENO, piece, static_cast<size_t>(n)) != n) _exit(92);
      _exit(0);
    }
    dup2(fds[1], STDERR_FILENO);
    close(fds[0]);
    close(fds[1]);
  }
  std::atomic<bool>* shared;  // the second thread is about to crash
};
[[gnu::noinline]] int crash_deep(int depth) {
  if (depth == 0) crash_outer();
  const int below = depth > 0 ? crash_deep(depth - 1) : 0;
  __asm__ volatile("" ::: "memory");
  return below + 1;
}
void two_with_a_slow_reader() {
  const SlowReader reader;
  causeway::runtime runtime(reporting());
  std::thread first([] { enter([] { crash_deep(100); }); });
  std::thread second([&] {
    int waiting = 0;
    while (ioctl(STDERR_FILENO, FIONREAD, &waiting) != 0 || waiting == 0) {}  // the first one's page has begun
    *reader.shared = true;
    enter([] { crash_outer(); });
  });
  first.join();
  second.join();
}
void two_at_once() {
  causeway::runtime runtime(reporting());
  static std::atomic<int> ready{0};
  const auto crash = [] {
    ++ready;
    while (ready != 2) {}
    crash_outer();
  };
  std::thread other([=] { enter(crash); });
  enter(crash);
  other.join();
}

// Each must be dead in little more than a second, by its own signal.
void with_stderr(void (*spoil)()) {
  causeway::runtime runtime(reporting());
  spoil();
  causeway::spawn({.name = "silent"}, [] { crash_outer(); }).join();
}
void close_stderr() { close(STDERR_FILENO); }
void fill_stderr() {
  int fds[2];
  if (pipe2(fds, O_NONBLOCK) != 0) _exit(91);
  char bytes[4096] = {};
  while (write(fds[1], bytes, sizeof bytes) > 0) {}
  while (write(fds[1], bytes, 1) > 0) {}
  fcntl(fds[1], F_SETFL, 0);
  dup2(fds[1], STDERR_FILENO);
}
template <void (*kSpoil)()>
void with_a_spoilt_stderr() {
  const int before = dup(STDERR_FILENO);
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    close(before);
    with_stderr(kSpoil);
    _exit(92);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const auto spent = std::chrono::steady_clock::now() - begin;
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV) _exit(93);
  // A second, and what starting and dying take on a machine under load.
  if (spent > std::chrono::seconds(3)) _exit(94);
}

// --- what the program has arranged ---------------------------------------------------------------------------------------------------

void host_handler(int number, siginfo_t* info, void* context) {
  const bool pc = causeway::os::context_registers(context).pc - reinterpret_cast<uintptr_t>(&crash_here) < 256;
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  const bool masks = sigismember(&mask, SIGUSR2) == 1 && sigismember(&mask, number) == 0;
  say(number == SIGSEGV && info->si_addr == crash_address && pc && masks ? "host: my fault\n" : "host: another fault\n");
  _exit(42);
}
void install_host(int flags) {
  struct sigaction action{};
  action.sa_sigaction = host_handler;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | flags;
  sigaddset(&action.sa_mask, SIGUSR2);
  sigaction(SIGSEGV, &action, nullptr);
}
template <int kFlags>
void host_before() {
  install_host(kFlags);
  causeway::runtime runtime(reporting());
  causeway::spawn([] { crash_outer(); }).join();
}
template <int kFlags>
void host_after() {
  causeway::runtime runtime(reporting());
  install_host(kFlags);
  causeway::spawn([] { crash_outer(); }).join();
}
void after_stop() {
  { causeway::runtime runtime(reporting()); }
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) {
    struct sigaction action{};
    sigaction(number, nullptr, &action);
    if (action.sa_handler != SIG_DFL) _exit(5);
  }
  crash_outer();
}
void off_by_default() {
  causeway::runtime runtime;
  for (const int number : {SIGFPE, SIGILL, SIGTRAP, SIGABRT}) {
    struct sigaction action{};
    sigaction(number, nullptr, &action);
    if (action.sa_handler != SIG_DFL) _exit(5);
  }
  causeway::spawn([] { crash_outer(); }).join();
}
sigjmp_buf back;
void host_jumps_out() {  // page after page would be wrong for a host that lives with its faults
  signal(SIGSEGV, [](int) { siglongjmp(back, 1); });
  causeway::runtime runtime(reporting());
  for (int i = 0; i < 3; ++i)
    if (sigsetjmp(back, 1) == 0) crash_outer();
  say("host: alive\n");
}
void abort_is_ignored_at_first() {
  signal(SIGABRT, [](int) { say("host: aborts\n"); });
  causeway::runtime runtime(reporting());
  causeway::spawn([] { call(crash_aborts); }).join();
}

// --- set-user-id programs: nothing of the environment, nothing of the memory -----------------------------------------------------

void wanted_by_the_environment() {
  setenv("CAUSEWAY_CHECK", "crash", 1);
  causeway::runtime runtime;
  causeway::spawn([] { crash_outer(); }).join();
}
void not_wanted_in_a_secure_process() {
  secure = true;
  wanted_by_the_environment();
}
void in_a_secure_process() {
  secure = true;
  causeway::runtime runtime(reporting());
  causeway::spawn([] { crash_outer(); }).join();
}

// --- other signals -----------------------------------------------------------------------------------------------------------

// The handler of `number`, with its own mask and flags, whoever came first; then the signal.
template <bool kBefore>
void host_has(int number, int flags, void (*cause)()) {
  static int expected;
  expected = number;
  struct sigaction action{};
  action.sa_sigaction = [](int got, siginfo_t*, void*) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    say(got == expected && sigismember(&mask, SIGUSR2) == 1 && sigismember(&mask, got) == 0 ? "host: mine\n" : "host: another\n");
    _exit(42);
  };
  action.sa_flags = SA_SIGINFO | SA_NODEFER | flags;
  sigaddset(&action.sa_mask, SIGUSR2);
  if (kBefore) sigaction(number, &action, nullptr);
  causeway::runtime runtime(reporting());
  if (!kBefore) sigaction(number, &action, nullptr);
  enter(cause);
}
void cause_bus_error() {
  crash_address = static_cast<int*>(empty_file());
  crash_outer();
}
void cause_pipe() {
  int fds[2];
  if (pipe(fds) != 0) _exit(91);
  close(fds[0]);
  if (write(fds[1], "x", 1) != 1) _exit(92);
}
void cause_division() { crash_divides(); }
template <bool kBefore, int kNumber, int kFlags, void (*kCause)()>
void host_has() {
  host_has<kBefore>(kNumber, kFlags, kCause);
}

// A profiler's timer, or our own signal, hits a thread that never called in.
void signals_on_a_plain_thread() {
  static std::atomic<int> handled{0};
  for (const int number : {SIGPROF, SIGURG}) signal(number, [](int) { ++handled; });
  causeway::runtime runtime(reporting());
  if (!causeway::sched::own_signal_ready()) _exit(5);
  std::thread([] {
    raise(SIGPROF);
    raise(SIGURG);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, causeway::sched::own_signal());
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    syscall(SYS_tgkill, getpid(), gettid(), causeway::sched::own_signal());
  }).join();
  if (handled != 2) _exit(6);
  enter([] {});
}

// An alternate stack of C's own, as small as the kernel takes it: the page needs more.
void small_alternate_stack() {
  causeway::runtime runtime(reporting());
  enter([] {});
  constexpr size_t kPage = 4096, kSmall = 16 * 1024;
  char* small = static_cast<char*>(mmap(nullptr, kPage + kSmall, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  mprotect(small, kPage, PROT_NONE);
  stack_t stack{};
  stack.ss_sp = small + kPage;
  stack.ss_size = kSmall;
  sigaltstack(&stack, nullptr);
  enter([] { call(crash_outer); });
}

const Expected kMine{.exit_status = 42, .printed = {"host: mine"}},
    kMineAlone{.exit_status = 42, .printed = {"host: mine"}, .not_printed = {"causeway"}};
const std::vector<death::Case> kCases = {
    {"crash_of_the_report_ends_at_once",
     the_report_crashes,
     {.signal = SIGSEGV,
      .printed = {"causeway: crash: SIGSEGV", "  in managed code"},
      .not_printed = {"host:", kPageEnd},
      .judge = one_page}},
    {"crash_of_the_report_by_another_signal_ends_at_once",
     the_report_crashes_otherwise,
     {.signal = SIGBUS,
      .printed = {"causeway: crash: SIGSEGV", "  in managed code"},
      .not_printed = {"host:", kPageEnd},
      .judge = one_page}},
    {"crash_of_two_at_once_is_one_page", two_at_once, page_with(SIGSEGV, {"crash_outer"})},
    {"crash_of_a_second_thread_waits_for_the_page", two_with_a_slow_reader, page_with(SIGSEGV, {"crash_deep", " more\n", "-- callback"})},
    {"crash_with_stderr_closed", with_a_spoilt_stderr<close_stderr>, {.not_printed = {"causeway"}}},
    {"crash_with_stderr_full", with_a_spoilt_stderr<fill_stderr>, {.not_printed = {"causeway"}}},
    {"crash_to_a_handler_before_start", host_before<0>, {.exit_status = 42, .printed = {kPageEnd, "host: my fault"}}},
    {"crash_to_a_handler_before_start_on_alternate_stack",
     host_before<SA_ONSTACK>,
     {.exit_status = 42, .printed = {kPageEnd, "host: my fault"}}},
    {"crash_to_a_handler_before_start_that_is_reset",
     host_before<static_cast<int>(SA_RESETHAND)>,
     {.exit_status = 42, .printed = {kPageEnd, "host: my fault"}}},
    {"crash_to_a_handler_after_start",
     host_after<SA_ONSTACK>,
     {.exit_status = 42, .printed = {"host: my fault"}, .not_printed = {"causeway"}}},
    {"crash_to_a_handler_after_start_off_the_alternate_stack",
     host_after<0>,
     {.exit_status = 42, .printed = {"host: my fault"}, .not_printed = {"causeway"}}},
    {"crash_after_stop_is_not_reported", after_stop, {.signal = SIGSEGV, .not_printed = {"causeway"}}},
    {"crash_without_the_option", off_by_default, {.signal = SIGSEGV, .not_printed = {"causeway"}}},
    {"crash_that_the_host_survives_is_reported_once", host_jumps_out, {.printed = {kPageEnd, "host: alive"}, .judge = one_page}},
    {"crash_by_abort_with_a_handler",
     abort_is_ignored_at_first,
     {.signal = SIGABRT, .printed = {kPageEnd, "host: aborts"}, .judge = one_page}},
    {"crash_report_by_the_environment", wanted_by_the_environment, page_with(SIGSEGV, {"  in managed code: "})},
    {"crash_report_by_the_environment_of_a_secure_process",
     not_wanted_in_a_secure_process,
     {.signal = SIGSEGV, .not_printed = {"causeway"}}},
    {"crash_of_a_secure_process_prints_no_registers",
     in_a_secure_process,
     {.signal = SIGSEGV,
      .printed = {"  in managed code: ", "  pc 0x", "sp 0x", kPageEnd},
      .not_printed = {"rax 0x", "rdi 0x", " x0 0x", " x19 0x"}}},
    {"signal_to_a_handler_before_start_bus", host_has<true, SIGBUS, 0, cause_bus_error>, kMine},
    {"signal_to_a_handler_before_start_fpe", host_has<true, SIGFPE, SA_ONSTACK, cause_division>, kMine},
    {"signal_to_a_handler_before_start_pipe", host_has<true, SIGPIPE, 0, cause_pipe>, kMine},
    {"signal_to_a_handler_after_start_bus", host_has<false, SIGBUS, SA_ONSTACK, cause_bus_error>, kMineAlone},
    {"signal_to_a_handler_after_start_fpe", host_has<false, SIGFPE, 0, cause_division>, kMineAlone},
    {"signal_to_a_handler_after_start_pipe", host_has<false, SIGPIPE, SA_ONSTACK, cause_pipe>, kMineAlone},
    {"signal_to_a_thread_that_never_called_in", signals_on_a_plain_thread, {.not_printed = {"causeway"}}},
    {"crash_with_a_small_alternate_stack", small_alternate_stack,
     page_with(SIGSEGV, {"  in C code: 0x", "crash_outer+0x", "-- call out, of green thread ", "-- callback, from C to green thread "})},
};

}  // namespace

const std::vector<death::Case>& death::crash_end_cases() { return kCases; }
