// SPDX-License-Identifier: MIT
//
// stack-out-of-bounds: a call in comes on a stack that belongs to somebody else, or the stack has changed below managed frames and the policy
// is strict. The message names the M, the thread, the stack pointer and the bounds so far; the exit status is 2.
//
// Risk: a message with the numbers of another thread or of the wrong stack. So each case prints what it knows itself, and the runner
// compares. And the same without anything wrong must not be stopped.
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "causeway/causeway.hpp"
#include "tests/c/host_stack.h"
#include "tests/cpp/death/death.hpp"

namespace {

constexpr size_t kStack = 40 * 1024;  // beyond what is guessed around any call

void nothing(void*) {}

// The numbers that the report must have: where the stack pointer is, and the bounds of the calling thread's own stack.
void print_expected(const void* low, size_t size) {
  pthread_attr_t attributes;
  void* own = nullptr;
  size_t own_size = 0;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &own, &own_size);
  pthread_attr_destroy(&attributes);
  const auto at = [](const void* address) { return reinterpret_cast<uintptr_t>(address); };
  std::fprintf(stderr, "expected: thread %d sp %" PRIxPTR " %" PRIxPTR " bounds %" PRIxPTR " %" PRIxPTR "\n", static_cast<int>(gettid()),
               at(low), at(low) + size, at(own), at(own) + own_size);
}

bool numbers_are_right(const std::string& text, std::string* complaint) {
  const size_t expected_at = text.find("expected: "), report_at = text.find("stack-out-of-bounds: ");
  int thread = 0, reported_thread = 0;
  unsigned m = 0;
  uintptr_t sp_low = 0, sp_high = 0, low = 0, high = 0, sp = 0, reported_low = 0, reported_high = 0;
  if (expected_at == std::string::npos || report_at == std::string::npos ||
      std::sscanf(text.c_str() + expected_at, "expected: thread %d sp %" SCNxPTR " %" SCNxPTR " bounds %" SCNxPTR " %" SCNxPTR, &thread,
                  &sp_low, &sp_high, &low, &high) != 5 ||
      std::sscanf(text.c_str() + report_at,
                  "stack-out-of-bounds: M %u thread %d call in: sp=0x%" SCNxPTR " outside [0x%" SCNxPTR ", 0x%" SCNxPTR "]", &m,
                  &reported_thread, &sp, &reported_low, &reported_high) != 5) {
    *complaint = "the report does not have the published form";
    return false;
  }
  if (reported_thread != thread) *complaint = "the report names another thread";
  else if (sp < sp_low || sp >= sp_high) *complaint = "the stack pointer of the report is not in the stack that the call came on";
  else if (reported_low != low || reported_high != high) *complaint = "the bounds of the report are not those of the thread's own stack";
  return complaint->empty();
}

// Calls in from [low, low + size), on a thread that is bound and has been seen on its own stack.
void call_in_from(char* low, size_t size) {
  cw_enter(nothing, nullptr);
  print_expected(low, size);
  host_stack stack;
  host_stack_init(&stack, low, size, [](host_stack*) { cw_enter(nothing, nullptr); }, nullptr);
  host_stack_resume(&stack);
}

void on_another_thread(char* low, size_t size) { std::thread(call_in_from, low, size).join(); }

// Somebody's locals, lent for a stack: the address is handed over, and the frame stays.
template <class Lend>
[[gnu::noinline]] void lend_locals(Lend lend) {
  alignas(64) char locals[kStack];
  asm volatile("" : : "r"(locals) : "memory");
  lend(locals);
}

void of_a_green_thread() {
  causeway::spawn({.stack_size = 256 * 1024}, [] {
    lend_locals([](char* locals) {
      causeway::event never;
      std::thread(call_in_from, locals, kStack).detach();
      never.wait();
    });
  }).join();
}

void of_a_callback() {
  causeway::options options;
  options.stack_size = 256 * 1024;
  causeway::runtime runtime(options);
  causeway::enter([] { lend_locals([](char* locals) { on_another_thread(locals, kStack); }); });
}

void of_a_worker() {
  causeway::spawn([] { causeway::call([] { lend_locals([](char* locals) { on_another_thread(locals, kStack); }); }); }).join();
}

void of_another_bound_thread() {
  std::thread([] {
    cw_enter(nothing, nullptr);
    lend_locals([](char* locals) { on_another_thread(locals, kStack); });
  }).join();
}

// The same, but the owner of the stack has never called in: who else uses it is nobody's business.
void of_a_thread_that_is_not_bound() {
  causeway::runtime runtime;
  std::thread([] { lend_locals([](char* locals) { on_another_thread(locals, kStack); }); }).join();
}

// Its owner called in and has ended: the place is free.
void of_a_thread_that_ended() {
  causeway::runtime runtime;
  const auto memory = std::make_unique<char[]>(size_t{256} << 10);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, memory.get(), size_t{256} << 10);
  pthread_t thread;
  if (pthread_create(
          &thread, &attributes,
          [](void*) -> void* {
            cw_enter(nothing, nullptr);
            return nullptr;
          },
          nullptr) != 0)
    _exit(3);
  pthread_join(thread, nullptr);
  on_another_thread(memory.get(), size_t{256} << 10);
}

causeway::options strict(const char* check = "") {
  causeway::options options;
  if (*check == '\0') options.stack_policy = CW_STACK_STRICT;
  options.check = check;
  return options;
}

void change_below_a_callback() {
  const auto memory = std::make_unique<char[]>(kStack);
  causeway::enter([&] { causeway::call([&] { call_in_from(memory.get(), kStack); }); });
}

void strict_policy() {
  causeway::runtime runtime(strict());
  std::thread(change_below_a_callback).join();
}

void strict_by_check() {
  causeway::runtime runtime(strict("strict"));
  std::thread(change_below_a_callback).join();
}

void not_strict() {
  unsetenv("CAUSEWAY_CHECK");  // of a run of all suites in a check mode
  causeway::runtime runtime;
  std::thread(change_below_a_callback).join();
}

// Strict, and every change of stacks while no managed frame is further up on the thread.
void strict_between_calls() {
  causeway::runtime runtime(strict());
  const auto memory = std::make_unique<char[]>(2 * kStack);
  std::thread([&] {
    for (int i = 0; i < 20; ++i) {
      call_in_from(memory.get(), kStack);
      call_in_from(memory.get() + kStack, kStack);
      causeway::enter([] { causeway::call([] { causeway::enter([] { causeway::this_green::yield(); }); }); });
    }
  }).join();
}

death::Expected fatal_with(const char* why) {
  return {.exit_status = 2, .printed = {"causeway: fatal: stack-out-of-bounds: M ", why}, .judge = numbers_are_right};
}

}  // namespace

const std::vector<death::Case>& death::stack_bounds_cases() {
  static const std::vector<Case> cases = {
      {"stack_out_of_bounds_on_a_green_threads_stack", of_a_green_thread, fatal_with("it is the stack of a green thread")},
      {"stack_out_of_bounds_on_a_callbacks_stack", of_a_callback, fatal_with("it is the stack of a green thread")},
      {"stack_out_of_bounds_on_a_workers_stack", of_a_worker, fatal_with("it is the stack of one of the runtime's own threads")},
      {"stack_out_of_bounds_on_a_bound_threads_stack", of_another_bound_thread, fatal_with("it is the stack of another thread")},
      {"stack_out_of_bounds_with_the_strict_policy", strict_policy, fatal_with("stack_policy is strict")},
      {"stack_out_of_bounds_with_the_check_strict", strict_by_check, fatal_with("stack_policy is strict")},
      {"the_stack_of_a_thread_that_is_not_bound_is_accepted", of_a_thread_that_is_not_bound, {.not_printed = {"fatal"}}},
      {"the_stack_of_a_thread_that_ended_is_accepted", of_a_thread_that_ended, {.not_printed = {"fatal"}}},
      {"a_changed_stack_below_a_callback_is_accepted", not_strict, {.not_printed = {"fatal"}}},
      {"strict_accepts_changes_between_calls", strict_between_calls, {.not_printed = {"fatal"}}},
  };
  return cases;
}
