// SPDX-License-Identifier: MIT
//
// Threads of the host and what the runtime keeps for them: which M a thread has and for how long, and that it goes to the next one.
//
// Risk: an M per dead thread that is never used again, an M that two threads share, a thread that changes its M; counts that do not come
// back. The names are those of the cases of cgo that this follows (docs/test-rows.md).
#include <signal.h>

#include <array>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>

#include "tests/cpp/inbound/support.hpp"

namespace {

using namespace crossing_test;

TEST_CASE("TestCthread: six threads at once, ten calls each, add to one sum under a lock, throw and catch") {
  Runtime runtime(2);
  causeway::mutex mutex;
  int sum = 0, caught = 0;
  {
    std::vector<std::unique_ptr<HostThread>> threads;
    for (int i = 0; i < 6; ++i)
      threads.push_back(std::make_unique<HostThread>([&, i] {
        for (int call = 0; call < 10; ++call)
          CHECK(enter([&] {
                  const std::lock_guard guard(mutex);
                  sum += i * 10 + call;
                  try {
                    throw std::runtime_error("swallowed");
                  } catch (const std::runtime_error&) { ++caught; }
                }) == CW_OK);
      }));
  }
  CHECK(sum == 59 * 60 / 2);
  CHECK(caught == 60);
}

TEST_CASE("TestEnsureDropM: the M of a thread that has ended goes to the next one") {
  Runtime runtime(2);
  void* last = nullptr;
  int changes = 0;
  for (int i = 0; i < 50; ++i) {
    void* seen = nullptr;
    on_thread([&] { CHECK(enter([&] { seen = this_m(); }) == CW_OK); });
    CHECK(seen != nullptr);
    changes += i > 0 && seen != last;
    last = seen;
  }
  // A detached thread of another case may give its M back a moment after it was counted, between two of these.
  CHECK(changes <= 1);
}

TEST_CASE("TestEnsureBindM: a thread has one M for all its calls, and no other thread has the same") {
  Runtime runtime(2);
  constexpr int kThreads = 4, kCalls = 100;
  std::atomic<int> inside{0};
  std::array<void*, kThreads> first{};
  {
    std::vector<std::unique_ptr<HostThread>> threads;
    for (size_t i = 0; i < kThreads; ++i)
      threads.push_back(std::make_unique<HostThread>([&, i] {
        CHECK(this_m() == nullptr);
        CHECK(enter([&] {
                first[i] = this_m();
                ++inside;
                CHECK(eventually([&] { return inside == kThreads; }));  // all of them are bound at one time
              }) == CW_OK);
        for (int call = 1; call < kCalls; ++call) {
          CHECK(enter([&] {
                  CHECK(this_m() == first[i]);
                  causeway::this_green::sleep_for(1us);
                  CHECK(this_m() == first[i]);
                }) == CW_OK);
          CHECK(this_m() == nullptr);
        }
      }));
  }
  CHECK(std::set<void*>(first.begin(), first.end()).size() == kThreads);
}

TEST_CASE("TestCgoCallbackGC: of a hundred threads with 256 KiB stacks that came and went nothing is counted") {
  Runtime runtime(2);
  CHECK(stats().foreign_threads == 0);
  const uint64_t spare = stats().spare_threads;
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> inside{0};
    std::atomic<bool> leave{false};
    std::vector<std::unique_ptr<HostThread>> threads;
    for (int i = 0; i < 20; ++i)
      threads.push_back(std::make_unique<HostThread>(
          [&] {
            CHECK(enter([&] {
                    ++inside;
                    CHECK(eventually([&] { return leave.load(); }));
                  }) == CW_OK);
          },
          size_t{256} << 10));
    CHECK(eventually([&] { return inside == 20; }));
    CHECK(stats().foreign_threads == 20);
    CHECK(stats().greens == 20);
    leave = true;
    threads.clear();
    CHECK(stats().foreign_threads == 0);
    CHECK(stats().greens == 0);
    CHECK(stats().spare_threads >= 20);  // kept for those to come
  }
  CHECK(stats().spare_threads <= spare + 2 * 20);  // each round uses those of the one before
}

TEST_CASE("TestCgoNumGoroutine: one more green thread inside a callback, none before and after") {
  Runtime runtime(2);
  causeway::event over;
  auto other = causeway::spawn([&] { over.wait(); });
  CHECK(stats().greens == 1);
  on_thread([] {
    CHECK(stats().greens == 1);
    CHECK(enter([] { CHECK(stats().greens == 2); }) == CW_OK);
    CHECK(stats().greens == 1);  // bound, but in C
  });
  CHECK(stats().greens == 1);
  over.set();
  other.join();
}

TEST_CASE("NotInGoMetricCallback: threads that returned to C and spin there are no green threads, and none wait") {
  Runtime runtime(2);
  std::atomic<int> back{0};
  std::atomic<bool> again{false}, leave{false};
  std::vector<std::unique_ptr<HostThread>> threads;
  for (int i = 0; i < 10; ++i)
    threads.push_back(std::make_unique<HostThread>([&] {
      for (int call = 0; call < 2; ++call) {
        CHECK(enter([] {}) == CW_OK);
        ++back;
        while (!(call == 0 ? again : leave)) std::this_thread::yield();
      }
    }));
  for (int call = 1; call <= 2; ++call) {
    CHECK(eventually([&] { return back == 10 * call; }));
    CHECK(stats().greens == 0);
    CHECK(stats().greens_parked == 0);
    CHECK(stats().foreign_threads == 10);
    (call == 1 ? again : leave) = true;
  }
}

// --- the edges of a thread's life ---------------------------------------------------------------------------------------

TEST_CASE("max_foreign: one thread more is refused, and has its place when another one ends") {
  causeway::options options;
  options.processors = 2;
  options.max_foreign = 2;
  Runtime runtime(options);
  std::atomic<int> inside{0};
  std::atomic<bool> leave{false};
  const auto stays = [&] {
    CHECK(enter([&] {
            ++inside;
            CHECK(eventually([&] { return leave.load(); }));
          }) == CW_OK);
  };
  {
    HostThread one(stays), two(stays);
    CHECK(eventually([&] { return inside == 2; }));
    on_thread([] {
      CHECK(enter([] { FAIL_CHECK("it ran"); }) == CW_E_LIMIT);
      CHECK(std::string(cw_last_error()).find("max_foreign") != std::string::npos);
      CHECK(cw_thread_attach() == CW_E_LIMIT);
    });
    leave = true;
  }
  on_thread([] { CHECK(enter([] {}) == CW_OK); });
}

// Each with its own signal mask, and whatever else a thread may be born with.
TEST_CASE("a thread with every signal blocked calls in, and its mask is its own before, inside C and after") {
  Runtime runtime(2);
  on_thread([] {
    sigset_t all, now;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    pthread_sigmask(SIG_SETMASK, nullptr, &all);  // what the kernel and the C library let be blocked
    const auto same = [&] {
      pthread_sigmask(SIG_SETMASK, nullptr, &now);
      for (int signal = 1; signal < SIGRTMAX; ++signal)
        if (sigismember(&now, signal) != sigismember(&all, signal)) return false;
      return true;
    };
    for (int i = 0; i < 3; ++i) {
      CHECK(enter([&] {
              causeway::this_green::sleep_for(10us);
              causeway::call([&] { CHECK(same()); });
            }) == CW_OK);
      CHECK(same());
    }
  });
}

TEST_CASE("a thread's alternate signal stack is its own again after it has called in") {
  Runtime runtime(2);
  on_thread([] {
    const StackMemory memory(64 * 1024);
    stack_t mine{}, now{}, before{};
    mine.ss_sp = memory.low();
    mine.ss_size = memory.bytes();
    CHECK(sigaltstack(&mine, &before) == 0);
    CHECK(enter([] { causeway::this_green::yield(); }) == CW_OK);
    CHECK(sigaltstack(nullptr, &now) == 0);
    CHECK(now.ss_sp == mine.ss_sp);
    CHECK(now.ss_size == mine.ss_size);
    mine.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&mine, nullptr) == 0);  // the host takes it away, and the next calls are as good
    CHECK(enter([] { causeway::this_green::yield(); }) == CW_OK);
    CHECK(sigaltstack(&before, nullptr) == 0);  // a sanitizer's, which it wants back
  });
}

}  // namespace
