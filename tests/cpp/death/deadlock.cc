// SPDX-License-Identifier: MIT
//
// All green threads asleep for ever: reported when it is proven, and never otherwise.
//
// Risk: a false alarm kills a healthy process. The cases without a report wait 2 s, a hundred times what a report takes, and leave by
// themselves.
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

using namespace std::chrono_literals;

void wait_for_ever() {
  static causeway::event never;
  never.wait();
}

void all_blocked() {
  causeway::channel<int> channel;
  auto first = causeway::spawn({.name = "receiver"}, [&] { static_cast<void>(channel.receive()); });
  causeway::go({.name = "waiter"}, wait_for_ever);
  first.join();
}

void joined_in_a_circle() {
  causeway::task<void> a, b;
  causeway::event ready;
  a = causeway::spawn({.name = "left"}, [&] {
    ready.wait();
    b.join();
  });
  b = causeway::spawn({.name = "right"}, [&] { a.join(); });
  ready.set();
  causeway::event never;
  never.wait();  // main looks at neither
}

void in_a_release() {
  int object = 0;
  causeway::event ready;
  const auto one = causeway::handle<int>::make(object), other = causeway::handle<int>::make(object);
  const auto held = other.acquire();
  const auto holder = causeway::spawn({.name = "holder"}, [&] {
    const auto holds = one.acquire();
    ready.set();
    wait_for_ever();
  });
  ready.wait();
  const auto first = causeway::spawn({.name = "first"}, [&] { one.release(); });
  causeway::spawn({.name = "second"}, [&] { other.release(); }).join();
}

void beside_a_plain_waiter() {
  static causeway::event one, other;
  std::thread([] { other.wait(); }).detach();
  causeway::go({.name = "waiter"}, wait_for_ever);
  one.wait();
}

// The last thread that could act ends without a word to us.
void after_the_last_thread_ended() {
  causeway::go({.name = "waiter"}, wait_for_ever);
  std::thread([] { std::this_thread::sleep_for(500ms); }).detach();
  wait_for_ever();
}

// The entry of an ended main thread stays in the task list.
void after_main_ended() {
  causeway::go({.name = "waiter"}, wait_for_ever);
  pthread_exit(nullptr);
}

void with_a_stall_limit() {
  causeway::options options;
  options.check = "stall=0.1";
  causeway::runtime runtime(options);
  causeway::go({.name = "waiter"}, wait_for_ever);
  std::thread([] { std::this_thread::sleep_for(1s); }).detach();  // until it ends, the wait is seen
  wait_for_ever();
}

// The rest must stay alive. _exit: their green threads never end.
[[noreturn]] void leave_after_2_s() {
  std::this_thread::sleep_for(2s);
  _exit(0);
}

void plain_thread_alive() {
  causeway::go(wait_for_ever);
  std::thread(leave_after_2_s).detach();
  wait_for_ever();
}

void main_thread_alive() {
  causeway::go(wait_for_ever);
  leave_after_2_s();
}

void pending_timer() {
  causeway::go(wait_for_ever);
  causeway::spawn([] {
    causeway::this_green::sleep_for(2s);
    _exit(0);
  }).join();
}

void plain_wait_with_deadline() {
  causeway::go(wait_for_ever);
  causeway::event never;
  if (!never.wait_for(2s)) _exit(0);
}

void host_signal_handler() {
  // The handler is how such a process is woken: here by an alarm of the kernel, which no thread of ours shows.
  signal(SIGALRM, [](int) { _exit(0); });
  alarm(2);
  causeway::spawn(wait_for_ever).join();
}

// A one-shot handler is no longer listed while it runs, and its thread looks as if it slept in our wait.
void handler_on_top_of_a_wait() {
  static causeway::event event;
  struct sigaction action{};
  action.sa_handler = [](int) {
    const timespec second{1, 0};
    nanosleep(&second, nullptr);
    event.set();
  };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGALRM, &action, nullptr);
  causeway::go(wait_for_ever);
  alarm(1);
  event.wait();
  _exit(0);
}

// Whatever is at the other end of a descriptor may write to it.
void descriptor_waiter() {
  static int ends[2];
  if (pipe(ends) != 0) _exit(3);
  causeway::go(wait_for_ever);
  alarm(2);  // SIGALRM's default action ends the process: nobody handles it
  causeway::spawn([] { static_cast<void>(causeway::io::wait_readable(ends[0])); }).join();
}

void posix_timer() {
  sigevent event{};
  event.sigev_notify = SIGEV_NONE;  // the kernel's list is what counts, not what it does
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) _exit(3);
  alarm(2);  // SIGALRM's default action ends the process: nobody handles it
  causeway::spawn(wait_for_ever).join();
}

void without_a_task_list() {
  causeway::options options;
  options.check = "noproc";
  causeway::runtime runtime(options);
  alarm(2);
  causeway::spawn(wait_for_ever).join();
}

// Whoever is looked at sleeps already, and the thread that it made just before was not in the list yet. The last one ends it.
void pass_on(int left) {
  usleep(5000);
  if (left == 0) _exit(0);
  std::thread(pass_on, left - 1).detach();
  wait_for_ever();
}

void threads_that_make_threads() {
  causeway::go(wait_for_ever);
  std::thread(pass_on, 300).detach();
  wait_for_ever();
}

// Who is traced may be made to call anything.
void debugger() {
  static int ready[2];
  if (pipe(ready) != 0) _exit(3);
  const pid_t self = getpid();
  const pid_t tracer = fork();
  if (tracer == 0) {
    char byte;
    if (read(ready[0], &byte, 1) != 1 || ptrace(PTRACE_SEIZE, self, nullptr, nullptr) != 0) {
      kill(self, SIGKILL);  // not allowed here: nothing to be seen
      _exit(0);
    }
    sleep(2);
    kill(self, SIGKILL);
    _exit(0);
  }
  prctl(PR_SET_PTRACER, tracer, 0, 0, 0);
  if (write(ready[1], "x", 1) != 1) _exit(3);
  usleep(200'000);
  causeway::spawn(wait_for_ever).join();
}

void switched_off() {
  causeway::options options;
  options.check = "nodeadlock";
  causeway::runtime runtime(options);
  alarm(2);  // SIGALRM's default action ends the process: nobody handles it
  causeway::spawn(wait_for_ever).join();
}

void not_while_stopping_or_without_greens() {
  {
    causeway::runtime runtime;
    causeway::spawn([] {}).join();
    std::this_thread::sleep_for(300ms);
  }
  causeway::runtime runtime;
  std::thread([] { leave_after_2_s(); }).detach();
  causeway::event never;
  never.wait();
}

const std::vector<death::Case> kCases = {
    {"deadlock_of_all",
     all_blocked,
     {.signal = SIGABRT,
      .printed = {"\"receiver\": waits for channel receive", "\"waiter\": waits for ", "\n    in (anonymous namespace)::wait_for_ever()",
                  "causeway: fatal: deadlock: all 2 green threads"}}},
    {"deadlock_in_a_circle",
     joined_in_a_circle,
     {.signal = SIGABRT,
      .printed = {"\"left\": waits for the end of green thread ", "\"right\"", "\"right\": waits for the end", "\"left\"",
                  "causeway: fatal: deadlock: "}}},
    {"deadlock_in_a_release",
     in_a_release,
     {.signal = SIGABRT,
      .printed = {"\"first\": waits for the release of a handle, held by green thread ", "\"holder\"",
                  "\"second\": waits for the release of a handle, held by a thread that is none of the runtime's"}}},
    {"deadlock_beside_a_plain_waiter",
     beside_a_plain_waiter,
     {.signal = SIGABRT,
      .printed = {"\"waiter\": waits for event 0x", "  thread ", ": waits for event 0x", "  thread ", ": waits for event 0x",
                  "causeway: fatal: deadlock: all 1 green threads"}}},
    {"deadlock_after_the_last_thread_ended",
     after_the_last_thread_ended,
     {.signal = SIGABRT, .printed = {"\"waiter\": waits for event 0x", "causeway: fatal: deadlock: "}}},
    {"deadlock_after_main_ended",
     after_main_ended,
     {.signal = SIGABRT, .printed = {"\"waiter\": waits for event 0x", "causeway: fatal: deadlock: "}}},
    {"deadlock_with_a_stall_limit_tells_how_long",
     with_a_stall_limit,
     {.signal = SIGABRT, .printed = {"\"waiter\": waits for event 0x", ", for ", " ms\n", "causeway: fatal: deadlock: "}}},
    {"no_deadlock_with_a_plain_thread", plain_thread_alive, {.not_printed = {"deadlock"}}},
    {"no_deadlock_while_main_runs", main_thread_alive, {.not_printed = {"deadlock"}}},
    {"no_deadlock_with_a_timer", pending_timer, {.not_printed = {"deadlock"}}},
    {"no_deadlock_with_a_deadline_outside", plain_wait_with_deadline, {.not_printed = {"deadlock"}}},
    {"no_deadlock_with_a_signal_handler", host_signal_handler, {.not_printed = {"deadlock"}}},
    {"no_deadlock_with_a_handler_on_top_of_a_wait", handler_on_top_of_a_wait, {.not_printed = {"deadlock"}}},
    {"no_deadlock_with_a_descriptor_waiter", descriptor_waiter, {.signal = SIGALRM, .not_printed = {"deadlock"}}},
    {"no_deadlock_with_a_posix_timer", posix_timer, {.signal = SIGALRM, .not_printed = {"deadlock"}}},
    {"no_deadlock_without_a_task_list", without_a_task_list, {.signal = SIGALRM, .not_printed = {"deadlock"}}},
    {"no_deadlock_while_threads_make_threads", threads_that_make_threads, {.not_printed = {"deadlock"}}},
    {"no_deadlock_under_a_debugger", debugger, {.signal = SIGKILL, .not_printed = {"deadlock"}}},
    {"no_deadlock_when_switched_off", switched_off, {.signal = SIGALRM, .not_printed = {"deadlock"}}},
    {"no_deadlock_without_green_threads", not_while_stopping_or_without_greens, {.not_printed = {"deadlock"}}},
};

}  // namespace

const std::vector<death::Case>& death::deadlock_cases() { return kCases; }
