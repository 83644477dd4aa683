// SPDX-License-Identifier: MIT
//
// Reports that are no faults of memory: an exception that nobody receives, and a broken invariant.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

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

void throws_the_reason(void*) { throw std::runtime_error("the reason"); }
void uncaught_in_a_detached_one_of_c() {
  cw_spawn_options options;
  cw_spawn_options_init(&options);
  options.name = "thrower";
  if (cw_green_spawn(throws_the_reason, nullptr, &options, nullptr) != CW_OK) _exit(3);
  causeway::event never;
  never.wait();
}
void uncaught_in_a_post() {
  causeway::runtime runtime;
  causeway::post([] { throws_the_reason(nullptr); });
  causeway::event never;
  never.wait();
}
void uncaught_in_a_post_of_c() {
  causeway::runtime runtime;
  if (cw_post(throws_the_reason, nullptr) != CW_OK) _exit(3);
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

// --- an exception whose text takes a call out, and a callback, to make (cgo's TestCgoPanicDeadlock) -----------------------------

int green_letter(int letter) {
  causeway::this_green::yield();
  return letter;
}
void write_reason(char* into) {  // C code: each letter by a callback
  int i = 0;
  for (const char letter : std::string_view("from C")) into[i++] = static_cast<char>(causeway::entry<&green_letter>(letter));
  into[i] = '\0';
}
struct AsksC : std::exception {
  const char* what() const noexcept override {
    static char text[16];
    causeway::call(write_reason, text);
    return text;
  }
};

void throws_what_asks_c() { throw AsksC(); }

void what_asks_c_in_go() {
  causeway::go({.name = "thrower"}, throws_what_asks_c);
  causeway::event never;
  never.wait();
}
void what_asks_c_in_a_callback() { causeway::entry<&throws_what_asks_c>(); }
void what_asks_c_in_a_nested_callback() {
  causeway::spawn([] { causeway::call(causeway::entry<&throws_what_asks_c>); }).join();
}
// Not by a report of ours: the C++ library's own end, which asks for the text too.
void what_asks_c_in_terminate() {
  causeway::spawn([]() noexcept { throws_what_asks_c(); }).join();
}

// --- the host has a handler for SIGABRT (cgo's TestCatchPanic) ---------------------------------------------------------------------

void say(std::string_view text) { static_cast<void>(!write(STDERR_FILENO, text.data(), text.size())); }

void install_abort_handler(int flags) {
  struct sigaction action{};
  action.sa_handler = [](int) {
    say("host: aborted\n");
    _exit(42);
  };
  action.sa_flags = flags;
  sigaction(SIGABRT, &action, nullptr);
}

enum class Installed { BeforeStart, AfterStart };
template <Installed kWhen, int kFlags, bool kCrashReports>
void abort_handler() {
  if (kWhen == Installed::BeforeStart) install_abort_handler(kFlags);
  causeway::options options;
  options.crash_reports = kCrashReports;
  causeway::runtime runtime(options);
  if (kWhen == Installed::AfterStart) install_abort_handler(kFlags);
  uncaught_in_go();
}
// It comes back: the process ends all the same.
void abort_handler_that_returns() {
  signal(SIGABRT, [](int) { say("host: aborted\n"); });
  uncaught_in_go();
}

const std::vector<std::string> kReportedThenCaught = {"causeway: fatal: uncaught-exception: ", "the reason", "#0 ", "host: aborted"};

const std::vector<death::Case> kCases = {
    {"uncaught_exception",
     uncaught_in_go,
     {.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", "\"thrower\"", "the reason", "#0 "}}},
    {"uncaught_exception_of_no_standard_type",
     uncaught_of_no_standard_type,
     {.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", "no std::exception"}}},
    {"uncaught_exception_in_a_detached_green_thread_of_c",
     uncaught_in_a_detached_one_of_c,
     {.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", "\"thrower\"", "the reason", "#0 "}}},
    {"uncaught_exception_in_a_post",
     uncaught_in_a_post,
     {.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", "green thread ", "the reason", "#0 "}}},
    {"uncaught_exception_in_a_post_of_c",
     uncaught_in_a_post_of_c,
     {.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", "green thread ", "the reason", "#0 "}}},
    {"uncaught_cancellation_is_quiet", cancelled_is_quiet, {.not_printed = {"causeway"}}},
    {"uncaught_exception_with_a_handler",
     handler_receives_it,
     {.printed = {"handler: CW_E_PANIC thrower the reason 77"}, .not_printed = {"fatal"}}},
    {"broken_invariant",
     broken_invariant,
     {.signal = SIGABRT, .printed = {"causeway: fatal: invariant: ", "a test broke this on purpose", "#0 "}}},
    {"uncaught_exception_whose_text_calls_c",
     what_asks_c_in_go,
     {.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", "\"thrower\"", "from C", "#0 "}}},
    {"uncaught_exception_of_a_callback_whose_text_calls_c",
     what_asks_c_in_a_callback,
     {.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", "throws_what_asks_c", "from C", "#0 "}}},
    {"uncaught_exception_of_a_nested_callback_whose_text_calls_c",
     what_asks_c_in_a_nested_callback,
     {.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", "throws_what_asks_c", "from C", "#0 "}}},
    {"terminate_with_an_exception_whose_text_calls_c",
     what_asks_c_in_terminate,
     {.signal = SIGABRT, .printed = {"from C"}, .not_printed = {"causeway: fatal"}}},
    {"abort_handler_before_start", abort_handler<Installed::BeforeStart, 0, false>, {.exit_status = 42, .printed = kReportedThenCaught}},
    {"abort_handler_after_start", abort_handler<Installed::AfterStart, 0, false>, {.exit_status = 42, .printed = kReportedThenCaught}},
    {"abort_handler_before_start_with_crash_reports",
     abort_handler<Installed::BeforeStart, SA_ONSTACK, true>,
     {.exit_status = 42, .printed = kReportedThenCaught}},
    {"abort_handler_after_start_with_crash_reports",
     abort_handler<Installed::AfterStart, SA_ONSTACK, true>,
     {.exit_status = 42, .printed = kReportedThenCaught}},
    {"abort_handler_that_returns", abort_handler_that_returns, {.signal = SIGABRT, .printed = kReportedThenCaught}},
    {"destructor_names_who_is_left",
     destructor_with_green_threads_left,
     {.signal = SIGABRT, .printed = {"the runtime did not stop: ", "\"endless\""}}},
};

}  // namespace

const std::vector<death::Case>& death::fatal_cases() { return kCases; }
