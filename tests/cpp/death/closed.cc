// SPDX-License-Identifier: MIT
//
// Late calls of callbacks that were closed, where there is nothing to give, or strict asks for the end. FAULTS 40.
//
// Risk: the process goes on with a struct that nobody made, or dies without the callback's name.
#include <signal.h>

#include <stdexcept>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

struct Answer {
  long a, b, c;
};

Answer give() { return {1, 2, 3}; }

void struct_without_a_fallback() {
  const causeway::runtime runtime;
  causeway::callback<Answer()> cb{give, causeway::on_exception::terminate, {.name = "on_answer"}};
  if (cb.code()().b != 2) return;
  cb.close();
  cb.code()();
}

void struct_with_a_fallback() {
  const causeway::runtime runtime;
  causeway::callback<Answer()> cb{give, causeway::on_exception::return_value(Answer{7, 8, 9}), {.name = "on_answer"}};
  cb.close();
  if (cb.code()().b != 8) raise(SIGABRT);
}

void strictly() {
  causeway::options options;
  options.check = "strict";
  const causeway::runtime runtime{options};
  causeway::callback<int()> cb{[] { return 1; }, causeway::on_exception::return_value(-1), {.name = "on_tick"}};
  if (cb.code()() != 1) return;
  cb.close();
  cb.code()();
}

void throws() {
  const causeway::runtime runtime;
  causeway::callback<void()> cb{
      [] { throw std::runtime_error("the text of it"); }, causeway::on_exception::terminate, {.name = "on_error"}};
  cb.code()();
}

void throws_without_a_handler() {
  const causeway::runtime runtime;
  causeway::callback<void()> cb{[] { throw std::runtime_error("the text of it"); }, causeway::on_exception::tunnel(), {.name = "on_error"}};
  cb.code()();
}

// The policy of a signature that is known at run time only. Its words come by a thunk of the library's, other arguments by libffi.
void throws_at_run_time(const char* signature, const cw_callback_options* options, void (*call)(void (*code)(void))) {
  const causeway::runtime runtime;
  cw_callback callback = 0;
  void (*code)(void) = nullptr;
  const auto body = [](void*, void**, void*) { throw std::runtime_error("the text of it"); };
  if (cw_callback_create(signature, body, nullptr, options, &callback) != CW_OK || cw_callback_code(callback, &code) != CW_OK) return;
  call(code);
}
void throws_at_run_time_with_words() {
  cw_callback_options options;
  cw_callback_options_init(&options);
  options.on_exception = CW_ON_EXCEPTION_TERMINATE;
  const int fallback = -1;  // of late calls: no answer to an exception
  options.fallback = &fallback;
  throws_at_run_time("int(int)", &options, [](void (*code)(void)) { reinterpret_cast<int (*)(int)>(code)(1); });
}
void throws_at_run_time_with_doubles() {
  throws_at_run_time("double(double)", nullptr, [](void (*code)(void)) { reinterpret_cast<double (*)(double)>(code)(1); });
}

}  // namespace

namespace death {

const std::vector<Case>& closed_cases() {
  static const std::vector<Case> cases = {
      {"closed_callback_of_a_struct_without_a_fallback",
       struct_without_a_fallback,
       {.signal = SIGABRT,
        .printed = {"causeway: fatal: closed-callback: callback \"on_answer\" was closed", "struct without a fallback"}}},
      {"closed_callback_of_a_struct_with_a_fallback", struct_with_a_fallback, {.not_printed = {"fatal"}}},
      {"closed_callback_with_strict",
       strictly,
       {.signal = SIGABRT, .printed = {"causeway: fatal: closed-callback: callback \"on_tick\" was closed"}}},
      {"callback_that_throws",
       throws,
       {.signal = SIGABRT,
        .printed = {"causeway: fatal: uncaught-exception: ", "called from C on green thread ", " \"on_error\", threw: the text of it"}}},
      {"callback_that_throws_without_a_handler",
       throws_without_a_handler,
       {.signal = SIGABRT,
        .printed = {"causeway: fatal: uncaught-exception: an exception left green thread ",
                    " \"on_error\", and nobody can receive it: the text of it"}}},
      {"callback_at_run_time_that_throws",
       throws_at_run_time_with_words,
       {.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", "the text of it", "CW_ON_EXCEPTION_RETURN"}}},
      {"callback_at_run_time_that_throws_by_libffi",
       throws_at_run_time_with_doubles,
       {.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", "the text of it"}}},
  };
  return cases;
}

}  // namespace death
