// SPDX-License-Identifier: MIT
//
// Calls in and out: the first one of a thread, which needs a record and a stack; nested ones, which need more; entries, which have a value for
// C when there is nothing to be had (FAULTS 12); posts, attached threads and declared stacks.
#include <atomic>
#include <string>
#include <thread>

#include "tests/cpp/oom/scenario.hpp"

namespace {

using oom::must;
using oom::need;

int answer(int value) {
  causeway::this_green::yield();
  return value + 1;
}

// On a new thread; what it answers comes out here. (A thread that cannot be made is a shortage of the scenario's own.)
template <class Body>
void on_thread(Body body) {
  cw_status status = CW_OK;
  std::thread([&] {
    try {
      body();
    } catch (const causeway::error& e) { status = e.status(); } catch (const std::bad_alloc&) {
      status = CW_E_NOMEM;
    }
  }).join();
  need(status);
}

void first_call_of_a_thread() {
  int calls = 0;
  on_thread([&] {
    for (int i = 0; i < 3; ++i) causeway::enter([&] { ++calls; });
  });
  must(calls == 3, "every call that was answered well has run");
}

void entry_of_a_thread() {
  int result = 0;
  std::thread([&] { result = causeway::entry<&answer, causeway::on_exception::return_value(-1)>(41); }).join();
  must(result == 42 || result == -1, "C gets the result, or the value that was given for that");
}

void nested_calls() {
  int depth = 0;
  on_thread([&] {
    struct Down {
      static void go(int levels, int& depth) {
        if (levels == 0) return;
        causeway::enter([&] {
          ++depth;
          causeway::call([&] { go(levels - 1, depth); });
        });
      }
    };
    Down::go(6, depth);
  });
  must(depth == 6, "all levels have run");
}

void calls_of_workers() {
  auto quick = causeway::spawn([] { return causeway::call([] { return causeway::enter([] { return 20; }); }); });
  auto blocking = causeway::spawn(
      [] { return causeway::call_blocking([] { return causeway::entry<&answer, causeway::on_exception::return_value(-1)>(21); }); });
  const int a = quick.join(), b = blocking.join();
  must(a == 20, "the nested call's result arrives");
  must(b == 22 || b == -1, "the entry's, or its value");
}

// Nobody waits for them: what was taken runs until the stop returns, whatever memory there is.
// Posts wait for the memory of their green threads as long as it takes, and so does a stop. So there is some: two have run on the one processor.
void posts() {
  cw_options options;
  cw_options_init(&options);
  options.processors = 1;
  need(cw_runtime_start(&options));
  {
    causeway::event go;
    auto first = causeway::spawn([&] { go.wait(); }), second = causeway::spawn([&] { go.set(); });
    first.join();
    second.join();
  }
  static std::atomic<int> ran;
  ran = 0;
  need(cw_post([](void*) { ++ran; }, nullptr));
  causeway::post([text = std::string(100, 'x')] { ran += static_cast<int>(text.size()); });
}

void attached_and_declared() {
  on_thread([] {
    const causeway::attached_thread attached;
    causeway::enter([] {});
    static char memory[64 * 1024];
    const causeway::declared_stack first(memory, 32 * 1024), second(memory + 32 * 1024, 32 * 1024);
    causeway::enter([] { causeway::this_green::yield(); });
  });
}

}  // namespace

const std::vector<oom::Scenario>& oom::calls_scenarios() {
  static const std::vector<Scenario> list = {
      {"first call of a thread", first_call_of_a_thread},
      {"entry of a thread", entry_of_a_thread},
      {"nested calls", nested_calls},
      {"calls of workers", calls_of_workers},
      {"attached and declared", attached_and_declared},
      {"posts", posts, Start::ByScenario},
  };
  return list;
}
