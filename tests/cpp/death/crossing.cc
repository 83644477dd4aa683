// SPDX-License-Identifier: MIT
//
// Calls in and out that cannot go on: a leaf that calls back (TestCgoNoCallback), an exception that leaves an entry, a call that is resumed on a
// thread that it may not be on, or a second time; and C code that runs out of the system stack.
//
// Risk: the wrong function is named, or none; or the process goes on with a stack that two of them use.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <thread>

#include "causeway/causeway.hpp"
#include "tests/c/host_stack.h"
#include "tests/cpp/death/death.hpp"

namespace {

constexpr size_t kStack = 256 * 1024;

void nothing(void*) {}

// --- leaf ------------------------------------------------------------------------------------------------------------------

[[gnu::noinline]] void calls_back_all_the_same() {
  cw_enter(nothing, nullptr);
  std::atomic_signal_fence(std::memory_order_seq_cst);  // not a tail call
}

int fine(int value) { return value; }
[[gnu::noinline]] int calls_an_entry_back(int value) {
  const int result = causeway::entry<&fine>(value);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return result;
}

void leaf_on_a_worker() {
  causeway::spawn([] { causeway::call_leaf(calls_back_all_the_same); }).join();
}
void leaf_in_a_callback() {
  causeway::enter([] { causeway::call_leaf(calls_an_entry_back, 5); });
}
void leaf_of_c() {
  causeway::enter([] { cw_call(CW_LEAF, [](void*) { calls_back_all_the_same(); }, nullptr); });
}

// With so little of the green stack left that the leaf is not called on it.
[[gnu::noinline]] void leaf_deep_down() {
  volatile char room[40 * 1024];
  room[0] = 1;
  room[sizeof room - 1] = 1;
  causeway::call_leaf(calls_back_all_the_same);
  room[0] = 2;
}
void leaf_on_the_c_stack() {
  causeway::spawn([] { leaf_deep_down(); }).join();
}

[[gnu::noinline]] void calls_back_from_another_stack() {
  const auto memory = std::make_unique<char[]>(kStack);
  host_stack stack;
  host_stack_init(&stack, memory.get(), kStack, [](host_stack*) { calls_back_all_the_same(); }, nullptr);
  host_stack_resume(&stack);
}
void leaf_that_changes_its_stack() {
  causeway::enter([] { causeway::call_leaf(calls_back_from_another_stack); });
}

// What a leaf may do: posts, events, and whatever is no call in.
void leaf_that_posts() {
  causeway::runtime runtime;
  static causeway::event posted;
  causeway::enter([] {
    causeway::call_leaf([] { cw_post([](void*) { posted.set(); }, nullptr); });
    posted.wait();
    causeway::call([] { causeway::enter([] { causeway::call_leaf([] {}); }); });  // not a leaf any more
    causeway::enter([] {});
  });
}

// --- exceptions -------------------------------------------------------------------------------------------------------------

int throws_a_text(int) { throw std::runtime_error("the text of it"); }
void throws_a_number() { throw 42; }
struct Large {
  int values[40] = {};
};
Large gives_a_struct() { return {}; }

void entry_throws() { causeway::entry<&throws_a_text>(1); }
void entry_throws_something_else() { causeway::entry<&throws_a_number>(); }
void entry_throws_nested() {
  causeway::spawn([] { causeway::call([] { causeway::entry<&throws_a_text>(1); }); }).join();
}
void entry_without_a_value() {
  causeway::options options;
  options.implicit_start = false;
  options.start_wait_ns = 1'000'000;
  causeway::set_default_options(options);
  causeway::entry<&gives_a_struct>();  // no runtime, and nothing to give instead
}

// --- resumed where it may not be ----------------------------------------------------------------------------------------------

std::atomic<int> first_thread{0};

void print_threads() { std::fprintf(stderr, "expected: %d and %d\n", first_thread.load(), static_cast<int>(gettid())); }

bool both_threads_are_named(const std::string& text, std::string* complaint) {
  int first = 0, second = 0, from = 0, to = 0;
  const size_t expected_at = text.find("expected: "), from_at = text.find("called out on thread ");
  if (expected_at == std::string::npos || from_at == std::string::npos ||
      std::sscanf(text.c_str() + expected_at, "expected: %d and %d", &first, &second) != 2 ||
      std::sscanf(text.c_str() + from_at, "called out on thread %d and was resumed on thread %d", &from, &to) != 2)
    *complaint = "the report does not name two threads";
  else if (from != first || to != second) *complaint = "the report names other threads";
  return complaint->empty();
}

enum class Lock { None, Own, Outer };  // of the callback that is suspended, or of the one whose call to C it came in below

void suspended_callback(host_stack* self, Lock lock) {
  causeway::enter([&] {
    if (lock != Lock::None) cw_thread_lock();
    causeway::call([&] {
      if (lock == Lock::Outer) causeway::enter([&] { causeway::call([&] { host_stack_suspend(self); }); });
      else host_stack_suspend(self);
    });
  });
}

// The first thread may be over by then: its place in the runtime is the second one's.
template <Lock lock, bool first_ends>
void resumed_on_another_thread() {
  static host_stack stack;
  const auto memory = std::make_unique<char[]>(kStack);
  causeway::runtime runtime;
  host_stack_init(&stack, memory.get(), kStack, [](host_stack* self) { suspended_callback(self, lock); }, nullptr);
  static std::atomic<bool> suspended{false}, over{false};
  std::thread first([] {
    first_thread = static_cast<int>(gettid());
    host_stack_resume(&stack);
    suspended = true;
    while (!first_ends && !over) std::this_thread::yield();
  });
  if (first_ends) first.join();
  while (!suspended) std::this_thread::yield();
  std::thread second([] {
    print_threads();
    host_stack_resume(&stack);
  });
  second.join();
  over = true;
  if (!first_ends) first.join();
}

// C code on a worker's own stack, of a green thread without C frames below: another thread continues it.
void workers_stack_is_resumed() {
  static host_stack stack;
  static std::atomic<bool> left{false};
  const auto memory = std::make_unique<char[]>(kStack);
  host_stack_init(
      &stack, memory.get(), kStack,
      [](host_stack*) {
        left = true;  // the worker's frames are suspended in stack.back
        for (;;) pause();
      },
      nullptr);
  std::thread([] {
    while (!left) std::this_thread::yield();
    print_threads();
    setcontext(&stack.back);
  }).detach();
  causeway::spawn({.name = "wanderer"}, [] {
    causeway::call([] {
      first_thread = static_cast<int>(gettid());
      host_stack_resume(&stack);
    });
  }).join();
}

// The frames of a coroutine are put back as they were, and return into a callback that is over.
void resumed_twice() {
  const auto memory = std::make_unique<char[]>(kStack), copy = std::make_unique<char[]>(kStack);
  causeway::runtime runtime;
  host_stack stack;
  host_stack_init(&stack, memory.get(), kStack, [](host_stack* self) { suspended_callback(self, Lock::None); }, nullptr);
  host_stack_resume(&stack);
  const host_stack suspended = stack;
  std::memcpy(copy.get(), memory.get(), kStack);
  host_stack_resume(&stack);
  if (stack.done == 0) _exit(3);
  std::memcpy(memory.get(), copy.get(), kStack);
  stack = suspended;
  host_stack_resume(&stack);
}

// --- the system stack -----------------------------------------------------------------------------------------------------------

void recursion_in_c() {
  causeway::options options;
  options.system_stack_size = 256 * 1024;
  causeway::runtime runtime(options);
  causeway::spawn({.name = "digger"}, [] { causeway::call([] { return death::recurse(0); }); }).join();
}

}  // namespace

const std::vector<death::Case>& death::crossing_cases() {
  const auto leaf = [](const char* name) { return Expected{.signal = SIGABRT, .printed = {"causeway: fatal: leaf-called-back: ", name}}; };
  const auto uncaught = [](const char* name, const char* text) {
    return Expected{.signal = SIGABRT, .printed = {"causeway: fatal: uncaught-exception: ", name, text}};
  };
  static const std::vector<Case> cases = {
      {"leaf_that_calls_back", leaf_on_a_worker, leaf("calls_back_all_the_same")},
      {"leaf_that_calls_an_entry_back", leaf_in_a_callback, leaf("calls_an_entry_back")},
      {"leaf_of_c_that_calls_back", leaf_of_c, leaf("leaf_of_c")},
      {"leaf_on_the_c_stack_that_calls_back", leaf_on_the_c_stack, leaf("calls_back_all_the_same")},
      {"leaf_that_calls_back_from_another_stack", leaf_that_changes_its_stack, leaf("calls_back_from_another_stack")},
      {"leaf_that_only_posts", leaf_that_posts, {.not_printed = {"fatal"}}},
      {"entry_that_throws", entry_throws, uncaught("throws_a_text", "the text of it")},
      {"entry_that_throws_no_exception", entry_throws_something_else, uncaught("throws_a_number", "no std::exception")},
      {"entry_that_throws_below_a_call_out", entry_throws_nested, uncaught("throws_a_text", "the text of it")},
      {"entry_of_a_class_without_a_value", entry_without_a_value, uncaught("gives_a_struct", "no value to give instead")},
      {"locked_callback_resumed_on_another_thread",
       resumed_on_another_thread<Lock::Own, false>,
       {.signal = SIGABRT, .printed = {"causeway: fatal: locked-moved: "}, .judge = both_threads_are_named}},
      {"locked_callback_resumed_after_the_end_of_its_thread",
       resumed_on_another_thread<Lock::Own, true>,
       {.signal = SIGABRT, .printed = {"causeway: fatal: locked-moved: "}, .judge = both_threads_are_named}},
      {"callback_below_a_locked_one_resumed_on_another_thread",
       resumed_on_another_thread<Lock::Outer, false>,
       {.signal = SIGABRT, .printed = {"causeway: fatal: locked-moved: "}, .judge = both_threads_are_named}},
      {"callback_resumed_on_another_thread", resumed_on_another_thread<Lock::None, false>, {.not_printed = {"fatal"}}},
      {"callback_resumed_after_the_end_of_its_thread", resumed_on_another_thread<Lock::None, true>, {.not_printed = {"fatal"}}},
      {"workers_stack_resumed_on_another_thread",
       workers_stack_is_resumed,
       {.signal = SIGABRT, .printed = {"causeway: fatal: locked-moved: ", "\"wanderer\""}, .judge = both_threads_are_named}},
      {"call_out_resumed_twice",
       resumed_twice,
       {.signal = SIGABRT, .printed = {"causeway: fatal: call-frame-invalid: ", "exit of an outbound call: its frame is no longer valid"}}},
      {"system_stack_overflow",
       recursion_in_c,
       {.signal = SIGABRT, .printed = {"causeway: fatal: system-stack-overflow: ", "\"digger\"", "system_stack_size"}}},
  };
  return cases;
}
