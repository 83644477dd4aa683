// SPDX-License-Identifier: MIT
//
// Green thread, C, callback, C, ...: what each sees and hands on, and what C code may rely on while callbacks below it park.
//
// Risk: C code that goes on on another thread, or sees what another thread wrote too late; a result that is read from the wrong place.
#include <any>
#include <array>
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;
using causeway::call;
using causeway::spawn;

TEST_CASE("C code keeps its OS thread over callbacks that park, spawn and yield") {
  Runtime runtime(2);
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 8; ++i)
    tasks.push_back(spawn([] {
      for (int round = 0; round < 20; ++round)
        call([] {
          const int here = tid();
          for (int calls = 0; calls < 5; ++calls) {
            CHECK(enter([&] {
                    causeway::this_green::yield();
                    causeway::this_green::sleep_for(10us);
                    CHECK(tid() == here);
                    CHECK(spawn([] { return 1; }).join() == 1);
                    CHECK(tid() == here);
                  }) == CW_OK);
            CHECK(tid() == here);
          }
        });
    }));
  for (auto& task : tasks) task.join();
}

// The sum of a tree, each level by C and by callbacks in turn; the parts of it at one time.
int64_t sum_of_tree(int depth, int64_t value) {
  if (depth == 0) return value;
  auto left = spawn([=] { return call([=] { return causeway::enter([=] { return sum_of_tree(depth - 1, 2 * value); }); }); });
  const int64_t right = call([=] { return causeway::enter([=] { return sum_of_tree(depth - 1, 2 * value + 1); }); });
  return left.join() + right;
}

TEST_CASE("TestReturnAfterGrowFromGo: results travel through C, callbacks and tasks to the first caller") {
  Runtime runtime(2);
  const int depth = 7;
  const int64_t first = int64_t{1} << depth, last = 2 * first - 1;
  const int64_t expected = (first + last) * first / 2;
  CHECK(sum_of_tree(depth, 1) == expected);
  on_thread([&] { CHECK(causeway::enter([] { return sum_of_tree(depth, 1); }) == expected); });
  CHECK(spawn([] { return sum_of_tree(depth, 1); }).join() == expected);
}

// tsan2: plain variables, ordered by nothing but the calls, the task and its join. A race is the thread sanitizer's to report.
TEST_CASE("tsan2: what another green thread's C code wrote is seen by C after the callback that waited for it") {
  Runtime runtime(2);
  for (int round = 0; round < 50; ++round) {
    int variable = 0;
    spawn([&] {
      call([&] {
        variable = 1;
        CHECK(enter([&] {
                const causeway::thread_affinity lock;
                spawn([&] { call([&] { ++variable; }); }).join();
              }) == CW_OK);
        CHECK(variable == 2);
      });
    }).join();
    on_thread([&] {
      variable = 10;
      CHECK(enter([&] { spawn([&] { call([&] { ++variable; }); }).join(); }) == CW_OK);
      CHECK(variable == 11);
    });
  }
}

TEST_CASE("TestCallGoWithString, Test20910: strings, views and erased values through callbacks, empty and not") {
  Runtime runtime(2);
  spawn([] {
    call([] {
      const std::string text(200, 'z');
      const auto result = causeway::enter(
          [](std::string_view view, const std::any& any) { return std::pair(std::string(view) + "!", any.has_value() ? 1 : 0); }, text,
          std::any());
      CHECK(result.first == text + "!");
      CHECK(result.second == 0);
      CHECK(causeway::enter([](std::string_view view) { return view.size(); }, std::string_view()) == 0);
      CHECK(std::any_cast<std::string>(causeway::enter([] { return std::any(std::string("erased")); })) == "erased");
      CHECK(causeway::enter([](std::nullptr_t p) { return p == nullptr; }, nullptr));
    });
  }).join();
}

TEST_CASE("a hundred green threads each nest ten deep, at one time") {
  Runtime runtime(2);
  struct Nest {
    static int down(int levels) {
      const Locals mine(static_cast<unsigned>(levels));
      if (levels == 0) {
        causeway::this_green::sleep_for(100us);
        return 0;
      }
      const int below_here = call([&] { return causeway::enter([&] { return down(levels - 1); }); });
      return mine.intact() ? below_here + 1 : -1000;
    }
  };
  std::vector<causeway::task<int>> tasks;
  for (int i = 0; i < (few() ? 20 : 100); ++i) tasks.push_back(spawn([] { return Nest::down(10); }));
  for (auto& task : tasks) CHECK(task.join() == 10);
}

TEST_CASE("a callback's green thread has the mutexes of the chain that led to it: locking one again is an error, not a hang") {
  Runtime runtime(2);
  causeway::mutex mutex;
  spawn([&] {
    const std::lock_guard guard(mutex);
    call([&] { CHECK(enter([&] { CHECK(status_of([&] { mutex.lock(); }) == CW_E_STATE); }) == CW_OK); });
  }).join();
  on_thread([&] {
    CHECK(enter([&] {
            const std::lock_guard guard(mutex);
            call([&] { CHECK(enter([&] { CHECK(status_of([&] { mutex.lock(); }) == CW_E_STATE); }) == CW_OK); });
          }) == CW_OK);
  });
}

}  // namespace
