// SPDX-License-Identifier: MIT
//
// All green threads asleep for ever: reported when it is proven, and never otherwise.
//
// Risk: a false alarm kills a healthy process. The cases without a report wait 2 s, a hundred times what a report takes, and leave by
// themselves.
#include <signal.h>
#include <unistd.h>

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
      .printed = {"\"receiver\": waits for channel receive", "\"waiter\": waits for ", "causeway: fatal: deadlock: all 2 green threads"}}},
    {"deadlock_in_a_circle",
     joined_in_a_circle,
     {.signal = SIGABRT,
      .printed = {"\"left\": waits for the end of a green thread", "\"right\": waits for the end", "causeway: fatal: deadlock: "}}},
    {"no_deadlock_with_a_plain_thread", plain_thread_alive, {.not_printed = {"deadlock"}}},
    {"no_deadlock_while_main_runs", main_thread_alive, {.not_printed = {"deadlock"}}},
    {"no_deadlock_with_a_timer", pending_timer, {.not_printed = {"deadlock"}}},
    {"no_deadlock_with_a_deadline_outside", plain_wait_with_deadline, {.not_printed = {"deadlock"}}},
    {"no_deadlock_with_a_signal_handler", host_signal_handler, {.not_printed = {"deadlock"}}},
    {"no_deadlock_when_switched_off", switched_off, {.signal = SIGALRM, .not_printed = {"deadlock"}}},
    {"no_deadlock_without_green_threads", not_while_stopping_or_without_greens, {.not_printed = {"deadlock"}}},
};

}  // namespace

const std::vector<death::Case>& death::deadlock_cases() { return kCases; }
