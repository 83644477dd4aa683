// SPDX-License-Identifier: MIT
//
// Calls in by hand: cw_enter() and causeway::enter(), from foreign threads, from C below a green thread, and on a green thread itself; what
// may be done in there, and what happens when it fails.
//
// Risk: a call in that is not one (no green thread, the wrong one), a thread that is stuck in it, a result or an exception that is lost.
#include <mutex>
#include <stdexcept>
#include <string>

#include "runtime/sched/sched.hpp"
#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

TEST_CASE("a call in runs on a green thread of its own, a call on a green thread is a plain one") {
  Runtime runtime(2);
  on_thread([] {
    uint64_t first = 0, second = 0, inner = 1;
    CHECK(cw_on_green() == 0);
    CHECK(enter([&] {
            first = cw_green_id();
            CHECK(cw_on_green() == 1);
            CHECK(enter([&] { inner = cw_green_id(); }) == CW_OK);
          }) == CW_OK);
    CHECK(enter([&] { second = cw_green_id(); }) == CW_OK);
    CHECK(cw_on_green() == 0);
    CHECK(first != 0);
    CHECK(second != 0);
    CHECK(first != second);
    CHECK(inner == first);
  });
  causeway::spawn([] {
    const uint64_t own = cw_green_id();
    uint64_t inner = 0;
    CHECK(enter([&] { inner = cw_green_id(); }) == CW_OK);
    CHECK(inner == own);
  }).join();
}

TEST_CASE("a thread that outlives runtimes crosses as each of them needs it: with fences or without") {
  const auto fences = [] { return causeway::sched::foreign::bound_m(*causeway::os::thread_words())->gate.fences(); };
  const auto mode = [] { return causeway::base::asym::fence_mode(); };
  on_thread([&] {
    CHECK(enter([] {}) == CW_OK);  // starts the first one, after the thread's record was made
    CHECK(fences() == mode());
    CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
    for (const int barrier : {CW_BARRIER_AUTO, CW_BARRIER_FENCE, CW_BARRIER_AUTO}) {
      causeway::options options;
      options.barrier = barrier;
      const causeway::runtime runtime(options);
      CHECK(enter([] {}) == CW_OK);
      CHECK(fences() == mode());
      if (barrier == CW_BARRIER_FENCE) CHECK(fences());
    }
  });
}

TEST_CASE("a callback counts as a green thread while it runs, and its thread as a foreign one until it ends") {
  Runtime runtime(2);
  const auto before = stats();
  CHECK(before.greens == 0);
  CHECK(before.foreign_threads == 0);
  on_thread([&] {
    CHECK(stats().greens == 0);
    CHECK(enter([] {
            CHECK(stats().greens == 1);
            CHECK(stats().foreign_threads == 1);
          }) == CW_OK);
    CHECK(stats().greens == 0);
    CHECK(stats().foreign_threads == 1);
  });
  CHECK(stats().foreign_threads == 0);
  CHECK(stats().calls_in == before.calls_in + 1);
}

TEST_CASE("a callback may park, sleep, lock, spawn, join, send and receive") {
  Runtime runtime(2);
  causeway::channel<int> channel(0);
  causeway::mutex mutex;
  int in_mutex = 0;
  auto server = causeway::spawn([&] {
    for (int item : channel) CHECK(item >= 0);
  });
  std::vector<std::unique_ptr<HostThread>> threads;
  for (int i = 0; i < 4; ++i)
    threads.push_back(std::make_unique<HostThread>([&] {
      for (int round = 0; round < 25; ++round) {
        const cw_status status = enter([&] {
          channel.send(round);
          causeway::this_green::yield();
          causeway::this_green::sleep_for(10us);
          const std::lock_guard guard(mutex);
          ++in_mutex;
          CHECK(causeway::spawn([round] { return round + 1; }).join() == round + 1);
        });
        CHECK(status == CW_OK);
      }
    }));
  threads.clear();
  channel.close();
  server.join();
  CHECK(in_mutex == 100);
}

TEST_CASE("no processor is needed for a callback: it runs while green threads keep all of them") {
  Runtime runtime(1);
  std::atomic<bool> spinning{false}, enough{false};
  auto hog = causeway::spawn([&] {
    spinning = true;
    while (!enough) {}
  });
  REQUIRE(eventually([&] { return spinning.load(); }));
  int calls = 0;
  on_thread([&] {
    for (int i = 0; i < 1000; ++i) CHECK(enter([&] { ++calls; }) == CW_OK);
  });
  CHECK(calls == 1000);
  enough = true;
  hog.join();
}

TEST_CASE("TestBlocking: a callback and a green thread play ping-pong, and the callback keeps its thread") {
  Runtime runtime(2);
  causeway::channel<int> ping(0), pong(0);
  auto other = causeway::spawn([&] {
    for (int i = 0; i < 10; ++i) {
      const auto item = ping.receive();
      REQUIRE(item.has_value());
      pong.send(*item + 1);
    }
  });
  const auto play = [&](int from, int to) {
    const int here = tid();
    for (int i = from; i < to; ++i) {
      ping.send(i);
      const auto answer = pong.receive();
      CHECK(answer.has_value());
      CHECK(answer.value_or(0) == i + 1);
      CHECK(tid() == here);
    }
  };
  on_thread([&] { CHECK(enter([&] { play(0, 5); }) == CW_OK); });
  causeway::spawn([&] { causeway::call([&] { CHECK(enter([&] { play(5, 10); }) == CW_OK); }); }).join();
  other.join();
}

TEST_CASE("Test1560: a callback that yields and a green thread that does not both get on") {
  Runtime runtime(2);
  std::atomic<int> step{0};
  const auto reach = [&](int from) {
    CHECK(eventually([&] { return step.load() == from; }));
    ++step;
  };
  auto plain = causeway::spawn([&] {
    reach(1);
    reach(3);
  });
  on_thread([&] {
    CHECK(enter([&] {
            reach(0);
            reach(2);
            reach(4);
          }) == CW_OK);
  });
  plain.join();
  CHECK(step == 5);
}

TEST_CASE("an exception that leaves a callback is a status, and nothing else is disturbed") {
  Runtime runtime(2);
  on_thread([] {
    for (int i = 0; i < 100; ++i) {
      const cw_status status = enter([] { throw std::runtime_error("lost"); });
      CHECK(status == CW_E_PANIC);
      CHECK(std::string(cw_last_error()).size() > 0);
      CHECK(enter([] {}) == CW_OK);
    }
  });
  CHECK(stats().greens == 0);
}

TEST_CASE("enter() gives values, references, nothing and exceptions, and takes arguments") {
  Runtime runtime(2);
  on_thread([] {
    int target = 5;
    CHECK(causeway::enter([](int a, int b) { return a * b; }, 6, 7) == 42);
    CHECK(&causeway::enter([&]() -> int& { return target; }) == &target);
    causeway::enter([&] { target = 6; });
    CHECK(target == 6);
    CHECK(*causeway::enter([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(9)) == 9);
    CHECK(causeway::enter([] { return Counted(3); }).value == 3);
    CHECK_THROWS_WITH_AS(causeway::enter([]() -> Counted { throw std::logic_error("kept"); }), "kept", std::logic_error);
    CHECK(causeway::enter([] { return causeway::spawn([] { return std::string(200, 'x'); }).join(); }) == std::string(200, 'x'));
  });
  CHECK(Counted::alive == 0);
}

// Nested in C calls: (green, C) pairs of them. Each level checks what it sees, and the exception at the end passes all of them.
void descend(int levels, int& entered) {
  ++entered;
  const uint64_t id = cw_green_id();
  const Locals mine(static_cast<unsigned>(levels));
  causeway::this_green::yield();
  if (levels == 0) throw std::out_of_range("the bottom");
  try {
    causeway::call([&] {
      CHECK(cw_on_green() == 0);
      causeway::enter([&] {
        CHECK(cw_green_id() != id);
        descend(levels - 1, entered);
      });
    });
  } catch (const std::out_of_range&) {
    CHECK(cw_green_id() == id);
    CHECK(mine.intact());
    throw;
  }
}

TEST_CASE("an exception passes ten calls in and out by the C++ functions, to whoever catches it") {
  Runtime runtime(2);
  for (int round = 0; round < 20; ++round) {
    int entered = 0;
    on_thread([&] { CHECK_THROWS_WITH_AS(causeway::enter([&] { descend(10, entered); }), "the bottom", std::out_of_range); });
    CHECK(entered == 11);
    CHECK_THROWS_WITH_AS(causeway::spawn([&] { descend(10, entered); }).join(), "the bottom", std::out_of_range);
    CHECK(entered == 22);
  }
}

TEST_CASE("a call in while the runtime stops is refused, and one after it starts a new one") {
  // Not the fixture: the stop has to come in the middle.
  causeway::options options;
  options.processors = 2;
  const cw_options c = options.to_c();
  REQUIRE(cw_runtime_start(&c) == CW_OK);
  std::atomic<bool> inside{false}, leave{false};
  HostThread holder([&] {
    CHECK(enter([&] {
            inside = true;
            while (!leave) causeway::this_green::yield();  // not a wait: the stop does not end it
          }) == CW_OK);
  });
  REQUIRE(eventually([&] { return inside.load(); }));
  CHECK(cw_runtime_stop(1'000'000) == CW_E_BUSY);
  on_thread([] {
    CHECK(enter([] { FAIL_CHECK("it ran"); }) == CW_E_STOPPED);
    CHECK(cw_post([](void*) {}, nullptr) == CW_E_STOPPED);
    CHECK(cw_thread_attach() == CW_E_STOPPED);
  });
  leave = true;
  holder.join();
  CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
  on_thread([] { CHECK(enter([] { CHECK(cw_on_green() == 1); }) == CW_OK); });
  CHECK(cw_runtime_stop(kLimitNs) == CW_OK);
  CHECK(stats().foreign_threads == 0);
}

}  // namespace
