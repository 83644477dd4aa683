// SPDX-License-Identifier: MIT
//
// Start and stop, in every order and with every failure.
//
// Risk: a thread, a mapping or a descriptor that each start leaves behind; a stop that takes things down under a green thread that
// still runs; a failed start after which no start works any more.
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <vector>

#include "runtime/os/os.hpp"
#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;
using causeway::os::FaultPoint;

cw_status start(unsigned processors = 2) {
  causeway::options options;
  options.processors = processors;
  const cw_options c = options.to_c();
  return cw_runtime_start(&c);
}
cw_status stop(std::chrono::nanoseconds timeout = kLimit) { return cw_runtime_stop(static_cast<uint64_t>(timeout.count())); }

struct NoFaults {
  ~NoFaults() { causeway::os::testing::clear_faults(); }
};

}  // namespace

TEST_CASE("each start needs one stop, and one stop too many is told so") {
  CHECK(stop() == CW_E_STATE);
  CHECK(start() == CW_OK);
  CHECK(start() == CW_OK);
  CHECK(stop() == CW_OK);
  CHECK(spawn([] { return 1; }).join() == 1);
  CHECK(stop() == CW_OK);
  CHECK(stop() == CW_E_STATE);
  CHECK(std::string(cw_last_error()).find("no runtime") != std::string::npos);
}

TEST_CASE("the runtime starts again after a stop, with other options") {
  for (const unsigned processors : {1u, 3u, 2u}) {
    REQUIRE(start(processors) == CW_OK);
    CHECK(causeway::stats().processors == processors);
    CHECK(spawn([] { return 5; }).join() == 5);
    REQUIRE(stop() == CW_OK);
  }
}

TEST_CASE("a spawn starts the runtime by itself, and an explicit start takes it over") {
  CHECK(spawn([] { return 5; }).join() == 5);
  CHECK(start() == CW_OK);
  CHECK(stop() == CW_OK);
  CHECK(stop() == CW_E_STATE);
}

TEST_CASE("a green thread cannot stop the runtime that it runs on") {
  Runtime runtime(2);
  CHECK(spawn([] { return cw_runtime_stop(0); }).join() == CW_E_STATE);
  CHECK(spawn([] { return std::string(cw_last_error()); }).join().empty());
}

TEST_CASE("a stop asks everybody to stop, and waits for them") {
  REQUIRE(start() == CW_OK);
  std::atomic<int> cancelled{0};
  causeway::event never;
  for (int i = 0; i < 1000; ++i)
    causeway::go([&] {
      try {
        if (cw_green_id() % 2 == 0) causeway::this_green::sleep_for(1h);
        never.wait();
      } catch (const causeway::error& e) {
        if (e.status() == CW_E_CANCELLED) ++cancelled;
      }
    });
  CHECK(stop() == CW_OK);
  CHECK(cancelled == 1000);
}

TEST_CASE("a stop whose time is up names who is left, goes on, and ends later") {
  REQUIRE(start() == CW_OK);
  std::atomic<bool> go{false};
  causeway::go({.name = "stubborn"}, [&] {
    while (!go) causeway::this_green::yield();
  });
  causeway::mutex held;
  held.lock();
  causeway::go({.name = "locker"}, [&] {  // a mutex is waited for whatever is requested
    held.lock();
    held.unlock();
  });
  CHECK(stop(20ms) == CW_E_BUSY);
  const std::string text = cw_last_error();
  CAPTURE(text);
  CHECK(text.find("2 green threads") != std::string::npos);
  CHECK(text.find("\"stubborn\"") != std::string::npos);
  CHECK(text.find("\"locker\"") != std::string::npos);
  CHECK(text.find("mutex") != std::string::npos);
  // Meanwhile nothing new is let in.
  CHECK(status_of([] { causeway::go([] {}); }) == CW_E_STOPPED);
  CHECK(start() == CW_E_STOPPED);
  CHECK(stop(0ns) == CW_E_BUSY);
  go = true;
  held.unlock();
  CHECK(stop() == CW_OK);
  CHECK(start() == CW_OK);
  CHECK(stop() == CW_OK);
}

TEST_CASE("while the runtime stops, its green threads cannot spawn either") {
  REQUIRE(start() == CW_OK);
  std::atomic<bool> ready{false};
  auto task = spawn([&](std::stop_token token) {
    ready = true;
    while (!token.stop_requested()) causeway::this_green::yield();
    return status_of([] { causeway::go([] {}); });
  });
  CHECK(eventually([&] { return ready.load(); }));
  CHECK(stop() == CW_OK);
  CHECK(task.join() == CW_E_STOPPED);
}

TEST_CASE("two threads may wait for one stop, and one of them wins") {
  REQUIRE(start() == CW_OK);
  std::atomic<bool> go{false};
  causeway::go([&] {
    while (!go) causeway::this_green::yield();
  });
  cw_status first = CW_OK;
  std::thread other([&] { first = stop(); });
  cw_status second = CW_OK;
  // Either it comes while the other one waits (busy), or before the other one has begun; then it is the one that waits, shortly.
  CHECK(eventually([&] { return (second = stop(1ms)) == CW_E_BUSY; }));
  go = true;
  other.join();
  // Whoever came second may have found the runtime stopping already; in the end one more stop finishes or finds it done.
  if (first != CW_OK) CHECK(stop() == CW_OK);
  CHECK(stop() == CW_E_STATE);
}

TEST_CASE("many starts and stops leave no thread, no mapping and no descriptor") {
  // Warm-up: the C library keeps some stacks and arenas of ended threads.
  const auto round = [](unsigned i) {
    REQUIRE(start(1 + i % 3) == CW_OK);
    CHECK(spawn([] { return spawn([] { return 5; }).join(); }).join() == 5);
    REQUIRE(stop() == CW_OK);
  };
  for (unsigned i = 0; i < 50; ++i) round(i);
  const int threads = count_entries("task"), descriptors = count_entries("fd"), maps = count_maps();
  // A leak of one thing in each round shows with a hundred as with a thousand; the long form has the thousand.
  const char* long_form = std::getenv("CAUSEWAY_TEST_LONG");
  const unsigned rounds = long_form != nullptr ? 1000 : 100;
  for (unsigned i = 0; i < rounds; ++i) round(i);
  CHECK(eventually([&] { return count_entries("task") <= threads; }));  // the kernel lists a thread a little longer than a join waits
  CHECK(count_entries("fd") == descriptors);
  // The C library may map an arena more or less.
  CHECK(count_maps() <= maps + 8);
}

TEST_CASE("each system call of the start may fail: the status is named, nothing is left, and the next start works") {
  const NoFaults at_end;
  REQUIRE(start() == CW_OK);
  REQUIRE(stop() == CW_OK);
  const struct {
    FaultPoint point;
    int error;
  } points[] = {{FaultPoint::Map, ENOMEM}, {FaultPoint::Thread, EAGAIN}, {FaultPoint::Sigaction, EINVAL}, {FaultPoint::Membarrier, ENOSYS}};
  for (const auto& [point, error] : points) {
    CAPTURE(static_cast<int>(point));
    // First learn how many there are, then let each one fail.
    causeway::os::testing::fail_next(point, 1'000'000, false, error);
    REQUIRE(start() == CW_OK);
    const unsigned calls = causeway::os::testing::fault_calls(point);
    causeway::os::testing::clear_faults();
    REQUIRE(stop() == CW_OK);
    const int threads = count_entries("task"), maps = count_maps();
    unsigned failed = 0;
    for (unsigned nth = 1; nth <= calls; ++nth) {
      CAPTURE(nth);
      causeway::os::testing::fail_next(point, nth, false, error);
      const cw_status status = start();
      causeway::os::testing::clear_faults();
      if (status == CW_OK) {  // there was another way
        CHECK(spawn([] { return 3; }).join() == 3);
        CHECK(stop() == CW_OK);
        continue;
      }
      ++failed;
      CHECK_MESSAGE((status == CW_E_NOMEM || status == CW_E_SYSTEM || status == CW_E_UNSUPPORTED), cw_status_name(status));
      CHECK(std::string(cw_last_error()).size() > 10);
      CHECK(eventually([&] { return count_entries("task") <= threads; }));  // the kernel lists a thread a little longer than a join waits
      CHECK(count_maps() <= maps + 2);
      CHECK(stop() == CW_E_STATE);
      REQUIRE(start() == CW_OK);
      CHECK(spawn([] { return 4; }).join() == 4);
      CHECK(stop() == CW_OK);
    }
    if (point == FaultPoint::Thread) CHECK(failed == calls);
  }
}

TEST_CASE("without room for stacks a spawn fails by name, and works again later") {
  const NoFaults at_end;
  REQUIRE(start() == CW_OK);
  {
    causeway::event go{causeway::manual_reset};
    std::vector<causeway::task<void>> tasks;
    causeway::os::testing::fail_next(FaultPoint::Map, 1, true, ENOMEM);
    cw_status status = CW_OK;
    // 256 MiB slabs of 64 KiB stacks: the first slab is full after at most 4096.
    for (int i = 0; i < 20'000 && status == CW_OK; ++i) status = status_of([&] { tasks.push_back(spawn([&] { go.wait(); })); });
    CHECK(status == CW_E_NOMEM);
    CHECK(std::string(cw_last_error()).size() > 10);
    causeway::os::testing::clear_faults();
    CHECK(status_of([&] { tasks.push_back(spawn([&] { go.wait(); })); }) == CW_OK);
    go.set();
    for (auto& task : tasks) task.join();
  }
  CHECK(stop() == CW_OK);
}

TEST_CASE("without more threads everything runs on the worker that is there") {
  const NoFaults at_end;
  REQUIRE(start(4) == CW_OK);
  causeway::os::testing::fail_next(FaultPoint::Thread, 1, true, EAGAIN);
  std::atomic<int> ran{0};
  {
    std::vector<causeway::task<void>> tasks;
    for (int i = 0; i < 200; ++i)
      tasks.push_back(spawn([&] {
        causeway::this_green::yield();
        causeway::this_green::sleep_for(1ms);
        ++ran;
      }));
    for (auto& task : tasks) task.join();
  }
  CHECK(ran == 200);
  CHECK(causeway::stats().workers <= 2);
  causeway::os::testing::clear_faults();
  CHECK(stop() == CW_OK);
}
