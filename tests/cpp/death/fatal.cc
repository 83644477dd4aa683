// SPDX-License-Identifier: MIT
//
// Reports that are no faults of memory: an exception that nobody receives, and a broken invariant.
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "causeway/causeway.hpp"
#include "runtime/base/base.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

void uncaught_in_go() {
  causeway::go({.name = "thrower"}, [] { throw std::runtime_error("the reason"); });
  causeway::event never;
  never.wait();
}

void uncaught_of_no_standard_type() {
  causeway::go([] { throw 5; });
  causeway::event never;
  never.wait();
}

void cancelled_is_quiet() {
  causeway::runtime runtime;
  causeway::go([] { causeway::this_green::sleep_for(std::chrono::hours(1)); });
}  // the stop cancels it

void handler_receives_it() {
  static causeway::event told;
  cw_error_handler_set(
      [](cw_status status, const char* name, const char* text, void* arg) {
        std::fprintf(stderr, "handler: %s %s %s %d\n", cw_status_name(status), name, text, *static_cast<int*>(arg));
        told.set();
      },
      [] {
        static int number = 77;
        return &number;
      }());
  causeway::runtime runtime;
  causeway::go({.name = "thrower"}, [] { throw std::runtime_error("the reason"); });
  told.wait();
}

void broken_invariant() {
  causeway::spawn([] { CW_CHECK(causeway::this_green::id() == 0, "a test broke this on purpose"); }).join();
}

void destructor_with_green_threads_left() {
  causeway::options options;
  options.stop_timeout_ns = 50'000'000;
  causeway::runtime runtime(options);
  causeway::go({.name = "endless"}, [] {
    for (;;) causeway::this_green::yield();
  });
}

const std::vector<death::Case> kCases = {
    {"uncaught_exception",
     uncaught_in_go,
     {.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", "\"thrower\"", "the reason", "#0 "}}},
    {"uncaught_exception_of_no_standard_type",
     uncaught_of_no_standard_type,
     {.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", "no std::exception"}}},
    {"uncaught_cancellation_is_quiet", cancelled_is_quiet, {.not_printed = {"causeway"}}},
    {"uncaught_exception_with_a_handler",
     handler_receives_it,
     {.printed = {"handler: CW_E_PANIC thrower the reason 77"}, .not_printed = {"fatal"}}},
    {"broken_invariant",
     broken_invariant,
     {.signal = SIGABRT, .printed = {"causeway: fatal: invariant: ", "a test broke this on purpose", "#0 "}}},
    {"destructor_names_who_is_left",
     destructor_with_green_threads_left,
     {.signal = SIGABRT, .printed = {"the runtime did not stop: ", "\"endless\""}}},
};

}  // namespace

const std::vector<death::Case>& death::fatal_cases() { return kCases; }
