// SPDX-License-Identifier: MIT
//
// Green threads: spawned by plain and by green threads, joined, detached, named, large, locked, with results and exceptions.
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/cpp/oom/scenario.hpp"

namespace {

using causeway::spawn;
using oom::must;

// Of what escapes a detached green thread nobody is told but the error handler, so these bodies catch it.
template <class Body>
void quietly(Body body) {
  try {
    body();
  } catch (...) {}  // a shortage; the scenario goes on without it
}

void spawn_join() {
  auto a = spawn([] { return 40; });
  auto b = spawn([] { return 2; });
  must(a.join() + b.join() == 42, "both results arrive");
}

void spawn_inside() {
  auto outer = spawn([] {
    auto one = spawn([] { return std::string(100, 'x'); });
    auto two = spawn([] { return std::string(200, 'y'); });
    return one.join() + two.join();
  });
  must(outer.join().size() == 300, "strings come through");
}

void large_closure() {
  struct Large {
    char bytes[4000] = {};
  } large;
  large.bytes[3999] = 7;
  must(spawn([large] { return large; }).join().bytes[3999] == 7, "a closure and a result that do not fit the record arrive");
}

void named_locked_and_large() {
  auto named = spawn({.name = "somebody"}, [] { return cw_green_id(); });
  auto locked = spawn({.locked = true}, [] { causeway::this_green::yield(); });
  auto large = spawn({.stack_size = 1 << 20}, [] { return 1; });
  must(named.join() != 0, "it had a number");
  locked.join();
  must(large.join() == 1, "it ran");
}

void detached() {
  static std::atomic<int> left;
  left = 3;
  for (int i = 0; i < 3; ++i) causeway::go([] { --left; });
  while (left != 0) causeway::this_green::yield();
}

void detached_from_a_green_thread() {
  spawn([] {
    causeway::wait_group all;
    int refused = 0;
    for (int i = 0; i < 5; ++i) {
      all.add();
      try {
        causeway::go([&all] { all.done(); });
      } catch (const std::exception&) {
        ++refused;
        all.done();
      }
    }
    all.wait();
    if (refused != 0) throw std::bad_alloc();
  }).join();
}

void exceptions_arrive() {
  auto thrower = spawn([]() -> int { throw std::runtime_error(std::string(500, 'z')); });
  try {
    thrower.join();
    oom::wrong("the exception was lost");
  } catch (const std::runtime_error& e) { must(std::string_view(e.what()).size() == 500, "its text is whole"); }
}

void last_error_of_a_green_thread() {
  const auto status = spawn([] { return cw_event_set(12345); }).join();
  must(status == CW_E_HANDLE, "the status does not depend on memory for its text");
}

void stop_token() {
  auto waiting = spawn([] {
    quietly([] {
      int seen = 0;
      std::stop_callback callback(causeway::this_green::stop_token(), [&seen] { ++seen; });
      while (!causeway::this_green::stop_token().stop_requested()) causeway::this_green::yield();
    });
  });
  waiting.request_stop();
  waiting.join();
}

void from_plain_threads() {
  std::atomic<int> sum{0};
  std::vector<std::exception_ptr> failures(2);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i)
      threads.emplace_back([&sum, &failures, i] {
        try {
          auto a = spawn([] { return 1; });
          auto b = spawn([] { return 2; });
          sum += a.join() + b.join();
        } catch (...) { failures[static_cast<size_t>(i)] = std::current_exception(); }
      });
  }
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
  must(sum == 6, "both threads spawned and joined");
}

void many() {
  std::vector<causeway::task<int>> tasks;
  for (int i = 0; i < 300; ++i) tasks.push_back(spawn([i] { return i; }));  // more than one batch of records and stacks
  int sum = 0;
  for (auto& task : tasks) sum += task.join();
  must(sum == 299 * 300 / 2, "all results arrive");
}

}  // namespace

const std::vector<oom::Scenario>& oom::green_scenarios() {
  static const std::vector<Scenario> list = {
      {"spawn-join", spawn_join},
      {"spawn-inside", spawn_inside},
      {"large-closure", large_closure},
      {"named-locked-large", named_locked_and_large},
      {"detached", detached},
      {"detached-inside", detached_from_a_green_thread},
      {"exceptions", exceptions_arrive},
      {"last-error", last_error_of_a_green_thread},
      {"stop-token", stop_token},
      {"plain-thread-spawns", from_plain_threads},
      {"many", many},
  };
  return list;
}
