// SPDX-License-Identifier: MIT
//
// The stack lock: a sampling signal that lands while it is held loses its traceback, and nothing waits.
//
// Risk (the runtime of 2015 hung so): the handler waits for a lock that the code below it holds; or it walks a stack that is just being changed. The
// signal is sent as the monitor sends it, by the green thread to its own thread.
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

}  // namespace
