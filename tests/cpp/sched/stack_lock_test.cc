// SPDX-License-Identifier: MIT
//
// The stack lock: a sampling signal that lands while it is held loses its traceback, and nothing waits.
//
// Risk (the runtime of 2015 hung so): the handler waits for a lock that the code below it holds; or it walks a stack that is just being changed. The
// signal is sent as the monitor sends it, by the green thread to its own thread.
#include <dlfcn.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "runtime/os/os.hpp"
#include "runtime/sched/sched.hpp"
#include "tests/cpp/sched/support.hpp"

namespace {

using namespace causeway::sched;
using sched_test::eventually;

// The monitor reports what it finds, with a time that nobody measured.
causeway::options quiet() {
  causeway::options options;
  options.processors = 1;
  options.log_level = CW_LOG_ERROR;
  return options;
}

struct Sample {
  bool taken = false, dropped = false;
  uint32_t frames = 0;
};

// Asks for one, of the calling green thread. Needs: on a worker
[[gnu::noinline]] Sample take_sample() {
  M* m = this_m();
  // The monitor takes samples away, whoever asked.
  CHECK(eventually([m] { return m->hog.sample.load() == HogState::kNone; }));
  m->hog.sample.store(HogState::kAsked);
  REQUIRE(own_signal_ready());
  REQUIRE(send_own_signal(m));
  // ThreadSanitizer holds signals back for a while.
  const bool taken = eventually([m] { return m->hog.sample.load() != HogState::kAsked; });
  return {taken, m->hog.dropped, m->hog.frames.n};
}

void check_free(const Sample& sample) {
  CHECK(sample.taken);
  CHECK(!sample.dropped);
  CHECK(sample.frames > 1);
}
void check_lost(const Sample& sample) {
  CHECK(sample.taken);
  CHECK(sample.dropped);
  CHECK(sample.frames == 0);
}

TEST_CASE("stack-lock: held by the interrupted thread itself") {
  sched_test::Runtime runtime(quiet());
  causeway::spawn([] {
    const causeway::thread_affinity keep;  // the thread that is asked is the one that it runs on
    G* g = current_green();
    check_free(take_sample());
    {
      const StackLock::Change change(g->stack_lock);
      check_lost(take_sample());
      check_lost(take_sample());
    }
    check_free(take_sample());
    // The one who tried has given it back.
    CHECK(g->stack_lock.try_lock());
    CHECK(!g->stack_lock.try_lock());
    g->stack_lock.unlock();
  }).join();
}

TEST_CASE("stack-lock: held by another thread, for as long as it likes") {
  sched_test::Runtime runtime(quiet());
  causeway::spawn([] {
    const causeway::thread_affinity keep;  // the thread that is asked is the one that it runs on
    G* g = current_green();
    std::atomic<bool> held{false}, over{false};
    std::thread other([&] {
      CHECK(g->stack_lock.try_lock());
      held = true;
      while (!over) std::this_thread::yield();
      g->stack_lock.unlock();
    });
    while (!held) std::this_thread::yield();
    check_lost(take_sample());
    over = true;
    other.join();
    check_free(take_sample());
  }).join();
}

TEST_CASE("a sample by a handler on the very stack that it interrupted: of a callback on a thread without a signal stack") {
  causeway::options options = quiet();
  options.guard_handler = false;  // then no thread gets one from us
  sched_test::Runtime runtime(options);
  std::thread([] {
    causeway::enter([] { check_free(take_sample()); });
    cw_thread_detach();
  }).join();
}

// Asks for samples of a green thread that does `body` over and over. Answers how many were taken.
template <class Body>
uint64_t sampled(int signals, Body body) {
  std::atomic<M*> m{nullptr};
  std::atomic<bool> over{false};
  auto sampled_one = causeway::spawn({.stack_size = size_t{1} << 20}, [&] {
    const causeway::thread_affinity keep;  // one thread to be asked
    m = this_m();
    while (!over.load(std::memory_order_relaxed)) body();
  });
  CHECK(eventually([&] { return m != nullptr; }));
  REQUIRE(own_signal_ready());
  M* asked = m;
  uint64_t taken = 0;
  // The thread that is asked may not have run meanwhile, and the monitor takes samples away: until there was one.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (int i = 0; i < signals || (taken == 0 && std::chrono::steady_clock::now() < end); ++i) {
    if (i >= signals) std::this_thread::sleep_for(std::chrono::microseconds(100));
    uint32_t none = HogState::kNone, done = HogState::kTaken;
    taken += asked->hog.sample.compare_exchange_strong(done, HogState::kNone);  // the monitor may be faster
    asked->hog.sample.compare_exchange_strong(none, HogState::kAsked);          // else asked still: the last signal met C code
    CHECK(send_own_signal(asked));
  }
  over = true;
  sampled_one.join();
  return taken;
}

constexpr int kSignals = CW_TSAN ? 200 : 20'000;

// Go's TestCgoPprofCallback: the signal lands anywhere in a crossing, also between the stores of one.
TEST_CASE("a sample at any place of calls in and out ends, and does not fault") {
  sched_test::Runtime runtime(quiet());
  CHECK(sampled(kSignals, [] { causeway::call([] { causeway::enter([] { causeway::call_leaf([] {}); }); }); }) > 0);
}

// The tables of a module are read without the loader's lock, and nothing of a sample needs malloc's.
TEST_CASE("a sample while libraries come and go, and in malloc, ends, and does not fault") {
  sched_test::Runtime runtime(quiet());
  CHECK(sampled(kSignals, [] {
          void* library = dlopen("libanl.so.1", RTLD_NOW | RTLD_LOCAL);
          for (size_t n = 16; n < 200'000; n *= 3) {
            auto* memory = static_cast<volatile char*>(std::malloc(n));
            memory[n - 1] = 1;
            std::free(const_cast<char*>(memory));
          }
          if (library != nullptr) dlclose(library);
        }) > 0);
}

}  // namespace
