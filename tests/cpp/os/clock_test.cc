// SPDX-License-Identifier: MIT
//
// Guards: a clock that goes back, and a sleep that a signal cuts short (FAULTS 73).
#include "runtime/os/clock.hpp"

#include <doctest/doctest.h>

#include <cerrno>

#include "tests/cpp/os/signal_storm.hpp"

using namespace causeway;

TEST_CASE("the clock never goes back") {
  uint64_t last = os::now_ns();
  CHECK(last > 0);
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t now = os::now_ns();
    REQUIRE(now >= last);
    last = now;
  }
}

TEST_CASE("FAULTS 73: a sleep takes its time under a storm of signals") {
  test::SignalStorm storm;
  const uint64_t begin = os::now_ns();
  errno = EDOM;
  os::sleep_ns(50'000'000);
  CHECK(errno == EDOM);
  const uint64_t took = os::now_ns() - begin;
  CHECK(took >= 50'000'000);
  CHECK(took < 5'000'000'000);  // a sleep that starts again at each signal would never end
  CHECK(storm.delivered() > 0);
}
