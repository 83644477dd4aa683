// SPDX-License-Identifier: MIT
//
// Managed code that ends its thread, and C code that ends a worker's: neither can be unwound, and the report says who it was.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#include <unwind.h>

#include <thread>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

void exits() { pthread_exit(nullptr); }

void in_a_callback() {
  std::thread([] { causeway::entry<&exits>(); }).join();
}
void in_a_nested_callback() {
  std::thread([] { causeway::enter([] { causeway::call(causeway::entry<&exits>); }); }).join();
}
void in_a_leaf() {
  std::thread([] { causeway::enter([] { causeway::call_leaf(exits); }); }).join();
}
void cancelled_in_managed_code() {
  std::thread thread([] {
    causeway::enter([] {
      pthread_cancel(pthread_self());
      pthread_testcancel();  // by itself, instead of by a call out
    });
  });
  thread.join();
}
// What is neither C++'s nor a thread's end passes from C to a handler of the callback, which goes on. It is no excuse for what comes later.
_Unwind_Exception other{};
void raises() {
  other.exception_class = 0x4f54484552000000;
  _Unwind_RaiseException(&other);
}
void after_an_exception_of_c() {
  std::thread([] {
    causeway::enter([] {
      try {
        causeway::call(raises);
      } catch (...) { causeway::this_green::yield(); }
      exits();
    });
  }).join();
}
[[gnu::noinline]] int catches_of_a_leaf() {
  volatile char room[40 << 10];  // of 64 KiB: what is left is too little for a leaf, so that it runs on the C stack
  room[0] = 0;
  try {
    causeway::call_leaf(raises);
  } catch (...) { return 1 + room[0]; }
  return room[0];
}
void after_an_exception_of_a_leaf() {
  std::thread([] {
    causeway::enter([] {
      if (catches_of_a_leaf() == 1) exits();
    });
  }).join();
}
void in_a_green_thread() { causeway::spawn(causeway::spawn_options{.name = "ender"}, exits).join(); }
void in_c_below_a_green_thread() {
  causeway::spawn(causeway::spawn_options{.name = "ender"}, [] { causeway::call(exits); }).join();
}
void in_c_below_a_callback_on_a_worker() {
  causeway::spawn(causeway::spawn_options{.name = "ender"}, [] {
    causeway::call([] { causeway::enter([] { causeway::call(exits); }); });
  }).join();
}

}  // namespace

const std::vector<death::Case>& death::unwinding_cases() {
#if defined(CW_CPU_PORTABLE)
  // Its pivot throws on what it has caught, and nobody can say any more whether that is C++'s own: the report comes at the end of the green thread.
  const Expected ends_worker{.signal = SIGABRT,
                             .printed = {"fatal: uncaught-exception: green thread ", "\"ender\"", "was left by", "a worker"}};
  const Expected& ends_worker_by_name = ends_worker;
#else
  const Expected ends_worker{
      .signal = SIGABRT, .printed = {"fatal: uncaught-exception: C code that green thread ", "\"ender\"", "ended its thread", "a worker"}};
  const Expected ends_worker_by_name{
      .signal = SIGABRT,
      .printed = {"fatal: uncaught-exception: C code that green thread ", "\"ender\"", "ended its thread", "exits", "a worker"}};
#endif
  static const std::vector<Case> cases = {
      {"exit_in_a_callback",
       in_a_callback,
       {.signal = SIGABRT,
        .printed = {"causeway: fatal: uncaught-exception: green thread ",
                    "a callback, was left by an unwinding that began in managed code"}}},
      {"exit_in_a_nested_callback",
       in_a_nested_callback,
       {.signal = SIGABRT, .printed = {"fatal: uncaught-exception", "began in managed code"}}},
      {"exit_in_a_leaf", in_a_leaf, {.signal = SIGABRT, .printed = {"fatal: uncaught-exception", "or in a leaf"}}},
      {"exit_in_a_callback_after_an_exception_of_c",
       after_an_exception_of_c,
       {.signal = SIGABRT, .printed = {"fatal: uncaught-exception", "began in managed code"}}},
      {"exit_in_a_callback_after_an_exception_of_a_leaf",
       after_an_exception_of_a_leaf,
       {.signal = SIGABRT, .printed = {"fatal: uncaught-exception", "began in managed code"}}},
      {"cancelled_in_managed_code",
       cancelled_in_managed_code,
       {.signal = SIGABRT,
        .printed = {"fatal: uncaught-exception", "a cancellation point that it called by itself", "by cw_call or causeway::call"}}},
      {"exit_in_a_green_thread",
       in_a_green_thread,
       {.signal = SIGABRT,
        .printed = {"fatal: uncaught-exception", "\"ender\"", "was left by an unwinding that is no exception of its own"}}},
      {"exit_in_c_below_a_green_thread", in_c_below_a_green_thread, ends_worker_by_name},
      {"exit_in_c_below_a_callback_on_a_worker", in_c_below_a_callback_on_a_worker, ends_worker},
  };
  return cases;
}
