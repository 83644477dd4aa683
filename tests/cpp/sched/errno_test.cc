// SPDX-License-Identifier: MIT
//
// errno belongs to the green thread: what it set is there after every call of ours, on whatever OS thread that returns (FAULTS 64).
//
// Risk: errno is a word of the OS thread. A switch that leaves it behind, or a system call of ours that fails on the way (a futex that was
// signalled, a wait that timed out), changes what the caller reads. All reads and writes go through functions that are not inlined: a
// compiler may keep the address of errno over a call, which is the host's affair.
#include <cerrno>
#include <functional>
#include <mutex>
#include <set>
#include <vector>

#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;

// Each call of ours that may park, switch, or fail inside.
void call_everything(int mine, causeway::mutex& mutex, causeway::channel<int>& channel) {
  const auto kept = [mine](const char* what, const std::function<void()>& call) {
    set_errno(mine);
    call();
    const int now = get_errno();
    CHECK_MESSAGE(now == mine, what);
  };
  kept("yield", [] { causeway::this_green::yield(); });
  kept("sleep", [] { causeway::this_green::sleep_for(100us); });
  kept("mutex", [&] {
    const std::lock_guard guard(mutex);
    if (cw_on_green() != 0) causeway::this_green::yield();
  });
  kept("channel", [&] {
    channel.send(1);
    static_cast<void>(channel.receive());
  });
  kept("wait that times out", [] {
    causeway::event never;
    CHECK_FALSE(never.wait_for(100us));
  });
  kept("spawn and join", [] { spawn([] { set_errno(77); }).join(); });
  kept("an exception", [] { CHECK_THROWS(spawn([] { throw 5; }).join()); });
}

void on_many_green_threads() {
  causeway::mutex mutex;
  causeway::channel<int> channel(32);
  std::vector<causeway::task<void>> tasks;
  for (int i = 0; i < 8; ++i)
    tasks.push_back(spawn([&, i] {
      for (int round = 0; round < 20; ++round) call_everything(1000 + i, mutex, channel);
    }));
  for (auto& task : tasks) task.join();
}

}  // namespace

TEST_CASE("errno is kept over yields, parks, joins and time-outs") {
  for (const unsigned processors : {1u, 4u}) {
    Runtime runtime(processors);
    on_many_green_threads();
  }
}

TEST_CASE("errno is kept while green threads move at every chance") {
  Runtime runtime(4, "migrate=always");
  on_many_green_threads();
  // And they do move: one sees several OS threads, and its errno on each.
  spawn([] {
    std::set<int> threads;
    set_errno(4711);
    const bool moved = eventually([&] {
      threads.insert(tid());
      const int now = get_errno();
      CHECK(now == 4711);
      set_errno(4711);  // tid() may not keep it
      return threads.size() >= 2;
    });
    CHECK(moved);
  }).join();
}

TEST_CASE("errno of a plain thread is kept over its waits") {
  Runtime runtime(2);
  causeway::mutex mutex;
  causeway::channel<int> channel(32);
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) call_everything(2000 + i, mutex, channel);
    });
  for (auto& thread : threads) thread.join();
}
