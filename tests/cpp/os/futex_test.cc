// SPDX-License-Identifier: MIT
//
// Guards: an EINTR that reaches the caller (FAULTS 73), a wake-up that is lost, a time-out that is early or changes errno.
#include "runtime/os/futex.hpp"

#include <doctest/doctest.h>
#include <pthread.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "runtime/os/os.hpp"
#include "tests/cpp/os/signal_storm.hpp"

using namespace causeway;

TEST_CASE("a wait on another value returns at once") {
  std::atomic<uint32_t> word{1};
  errno = EDOM;
  CHECK(os::futex_wait(word, 0, os::kForever) == 0);
  CHECK(errno == EDOM);
}

TEST_CASE("a wait ends with ETIMEDOUT, not before its time") {
  std::atomic<uint32_t> word{0};
  const uint64_t begin = os::now_ns();
  errno = EDOM;
  CHECK(os::futex_wait(word, 0, 20'000'000) == ETIMEDOUT);
  CHECK(os::now_ns() - begin >= 20'000'000);
  CHECK(errno == EDOM);
  CHECK(os::futex_wait(word, 0, 0) == ETIMEDOUT);
  // More than a second, and near the end of the range: both halves of the time are set right.
  CHECK(os::futex_wait(word, 1, 1'500'000'000) == 0);
  CHECK(os::futex_wait(word, 1, os::kForever - 1) == 0);
}

TEST_CASE("a sleeper without a time-out is woken") {
  std::atomic<uint32_t> word{0};
  std::thread sleeper([&] {
    while (word.load() == 0) CHECK(os::futex_wait(word, 0, os::kForever) == 0);
  });
  os::sleep_ns(5'000'000);
  word.store(1);
  os::futex_wake(word, 1);
  sleeper.join();
}

TEST_CASE("FAULTS 73: signals end a wait early with 0, never with an error") {
  test::SignalStorm storm;
  std::atomic<uint32_t> word{0};
  const uint64_t begin = os::now_ns();
  int early = 0;
  // A tenth of a second; on a loaded machine until the storm hit at all.
  for (uint64_t limit = 100'000'000; limit <= 60'000'000'000;) {
    const uint64_t gone = os::now_ns() - begin;
    const int result = gone >= limit ? ETIMEDOUT : os::futex_wait(word, 0, limit - gone);
    if (result == 0) {
      ++early;
      continue;
    }
    CHECK(result == ETIMEDOUT);
    CHECK(os::now_ns() - begin >= limit);
    if (early > 0) break;
    limit *= 2;
  }
  CHECK(os::now_ns() - begin >= 100'000'000);
  CHECK(early > 0);  // else the storm hit nothing
  CHECK(storm.delivered() > 0);
}

TEST_CASE("a wake of an unmapped word does nothing") {
  void* page = os::map_reserve(os::page_size());
  REQUIRE(page != nullptr);
  auto* word = new (page) std::atomic<uint32_t>{0};
  os::unmap(page, os::page_size());
  errno = EDOM;
  os::futex_wake(*word, 1);
  CHECK(errno == EDOM);
}
