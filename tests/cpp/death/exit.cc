// SPDX-License-Identifier: MIT
//
// exit() in a callback and in a green thread, by managed code and by C below it: handlers and destructors of static objects run on a stack of full size,
// and the destructor of a static runtime object does not wait for the green thread that left. _exit() and quick_exit() leave at once.
#include <setjmp.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

constexpr int kStatus = 37;

// Far more than a green stack has, and a call in. A handler from before the start and one from after it.
[[gnu::noinline]] void use_much_stack() {
  volatile char room[512 * 1024];
  for (size_t i = 0; i < sizeof room; i += 1024) room[i] = 1;
  int called = 0;
  if (cw_enter([](void* arg) { ++*static_cast<int*>(arg); }, &called) != CW_OK || called != 1) _exit(1);
}
void start() {
  std::atexit(use_much_stack);
  causeway::options options;
  options.stop_timeout_ns = 60'000'000'000;  // waited for, the runner's limit ends the case
  static const causeway::runtime runtime(options);
}

template <class Body>
void on_a_thread(Body body) {
  start();
  std::thread(body).join();
}

void managed() {
  on_a_thread([] { causeway::enter([] { std::exit(kStatus); }); });
}
void c_code() {
  on_a_thread([] { causeway::enter([] { causeway::call([] { std::exit(kStatus); }); }); });
}
void main_thread() {
  start();
  causeway::enter([] { std::exit(kStatus); });
}
void green() {
  start();
  causeway::spawn([] { std::exit(kStatus); }).join();
}
void c_below_green() {
  start();
  causeway::spawn([] { causeway::call([] { std::exit(kStatus); }); }).join();
}
void at_once() {
  on_a_thread([] { causeway::enter([] { ::_exit(kStatus); }); });
}
void quickly() {
  on_a_thread([] { causeway::enter([] { std::quick_exit(kStatus); }); });
}

// Who has jumped out of a callback is in none, and the destructor of the runtime waits as elsewhere.
jmp_buf further_out;
void jumps() {
  causeway::call([] { longjmp(further_out, 1); });
}
[[gnu::noinline]] void jumps_from_far_down() {
  volatile char room[64 * 1024];  // exit() calls its handlers from above that
  room[0] = 1;
  room[sizeof room - 1] = 1;
  causeway::entry<&jumps>();
  room[0] = 2;
}
void after_a_jump() {
  start();
  causeway::event asleep;
  causeway::go([&asleep] {
    struct Says {
      ~Says() { std::fputs("unwound\n", stderr); }
    } says;
    asleep.set();
    causeway::this_green::sleep_for(std::chrono::hours(1));
  });
  asleep.wait();
  if (setjmp(further_out) == 0) jumps_from_far_down();
  std::exit(kStatus);
}

}  // namespace

const std::vector<death::Case>& death::exit_cases() {
  static const std::vector<Case> cases = {
      {"exit_by_a_callback", managed, {.exit_status = kStatus}},
      {"exit_by_c_below_a_callback", c_code, {.exit_status = kStatus}},
      {"exit_by_a_callback_of_the_main_thread", main_thread, {.exit_status = kStatus}},
      {"exit_by_a_green_thread", green, {.exit_status = kStatus}},
      {"exit_by_c_below_a_green_thread", c_below_green, {.exit_status = kStatus}},
      {"exit_at_once_by_a_callback", at_once, {.exit_status = kStatus}},
      {"exit_quickly_by_a_callback", quickly, {.exit_status = kStatus}},
      {"exit_after_a_jump_out_of_a_callback", after_a_jump, {.exit_status = kStatus, .printed = {"unwound"}}},
  };
  return cases;
}
