// SPDX-License-Identifier: MIT
//
// Calls in that C code has jumped over, where that ends the process: when one of them is resumed on another thread, and at once with the check strict.
//
// Risk: two threads on one green stack; a report that names only one of them.
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

#include <cstdio>
#include <string>
#include <thread>

#include <unistd.h>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

using causeway::entry;

jmp_buf further_out;
ucontext_t suspended;  // C code below the call that is skipped
volatile bool came_back = false;

void suspends_and_jumps() {
  getcontext(&suspended);
  if (!came_back) longjmp(further_out, 1);
}
void callback() {
  std::fprintf(stderr, "inner: %llu\n", static_cast<unsigned long long>(cw_green_id()));
  causeway::call(suspends_and_jumps);
}
void nothing() {}

// What is jumped over lies deeper than what runs afterwards needs, so it stays as it was: what a host does that copies its stacks.
[[gnu::noinline]] void far_down() {
  volatile char room[64 * 1024];
  room[0] = 1;
  room[sizeof room - 1] = 1;
  entry<&callback>();
  room[0] = 2;
}
void skip() {
  if (setjmp(further_out) == 0) far_down();
  entry<&nothing>();  // sees it
}
void skip_and_resume_elsewhere() {
  skip();
  static const int first = static_cast<int>(gettid());
  std::thread([] {
    std::fprintf(stderr, "resumed from %d on %d\n", first, static_cast<int>(gettid()));
    came_back = true;
    setcontext(&suspended);
  }).join();
}

void resumed_on_another_thread() { std::thread(skip_and_resume_elsewhere).join(); }
void nested_one_resumed_on_another_thread() {
  std::thread([] {
    causeway::enter([] {
      std::fprintf(stderr, "outer: %llu\n", static_cast<unsigned long long>(cw_green_id()));
      causeway::call(skip_and_resume_elsewhere);
    });
  }).join();
}
// On its own thread it may come back, while there is something to come back to.
void (*code)() = nullptr;
[[gnu::noinline]] void far_down_to_a_callback() {
  volatile char room[64 * 1024];
  room[0] = 1;
  room[sizeof room - 1] = 1;
  code();
  room[0] = 2;
}
void comes_back(bool closed) {
  static causeway::callback<void()>* cb;
  cb = new causeway::callback<void()>{[text = std::string(100, 'x')] {
                                        causeway::call(suspends_and_jumps);
                                        std::fprintf(stderr, "goes on with %zu\n", text.size());
                                      },
                                      causeway::on_exception::terminate,
                                      {.name = "on_error"}};
  code = cb->code();
  static volatile bool close;
  close = closed;
  if (setjmp(further_out) == 0) {
    far_down_to_a_callback();
    cb->close_and_wait();
    return;
  }
  entry<&nothing>();  // sees it
  if (close) cb->close_and_wait();
  came_back = true;
  setcontext(&suspended);
}
void resumed_after_its_callback_was_closed() {
  causeway::runtime runtime;
  std::thread([] { comes_back(true); }).join();
}
void resumed_in_time() {
  causeway::runtime runtime;
  std::thread([] { comes_back(false); }).join();
}

void with_the_check_strict() {
  causeway::options options;
  options.check = "strict";
  causeway::runtime runtime(options);
  std::thread(skip).join();
}

// The green thread that was skipped and the one that it came in below, and the two threads.
bool both_are_named(const std::string& text, std::string* complaint) {
  unsigned long long inner = 0, outer = 0, skipped = 0, below = 0;
  int first = 0, second = 0, from = 0, to = 0;
  const size_t outer_at = text.find("outer: "), inner_at = text.find("inner: "), first_at = text.find("resumed from "),
               at = text.find("green thread ");
  if (outer_at == std::string::npos || inner_at == std::string::npos || first_at == std::string::npos || at == std::string::npos ||
      std::sscanf(text.c_str() + outer_at, "outer: %llu", &outer) != 1 ||
      std::sscanf(text.c_str() + inner_at, "inner: %llu", &inner) != 1 ||
      std::sscanf(text.c_str() + first_at, "resumed from %d on %d", &first, &second) != 2 ||
      std::sscanf(
          text.c_str() + at,
          "green thread %llu, whose call in C code jumped over on thread %d, below the call out of green thread %llu, is resumed on thread %d",
          &skipped, &from, &below, &to) != 4)
    *complaint = "the report does not name both green threads and both threads";
  else if (skipped != inner || below != outer || from != first || to != second) *complaint = "the report names others";
  return complaint->empty();
}

}  // namespace

const std::vector<death::Case>& death::skipped_cases() {
  static const std::vector<Case> cases = {
      {"skipped_call_resumed_on_another_thread",
       resumed_on_another_thread,
       {.signal = SIGABRT,
        .printed = {"causeway: fatal: retired-resumed: green thread ", "jumped over on thread ", ", is resumed on thread "},
        .not_printed = {"below the call out"}}},
      {"skipped_nested_call_resumed_on_another_thread",
       nested_one_resumed_on_another_thread,
       {.signal = SIGABRT, .printed = {"causeway: fatal: retired-resumed: "}, .judge = both_are_named}},
      {"skipped_call_resumed_after_its_callback_was_closed",
       resumed_after_its_callback_was_closed,
       {.signal = SIGABRT,
        .printed = {"causeway: fatal: retired-resumed: green thread ", "the callback that it was in has been closed since"},
        .not_printed = {"goes on"}}},
      {"skipped_call_resumed_before_its_callback_is_closed", resumed_in_time, {.printed = {"goes on with 100"}}},
      {"skipped_call_with_the_check_strict",
       with_the_check_strict,
       {.signal = SIGABRT, .printed = {"causeway: fatal: call-frame-invalid: ", "C code that jumped over it, and the check is strict"}}},
  };
  return cases;
}
