// SPDX-License-Identifier: MIT
//
// Parking and being made ready: what must be as it was before the wait, and who ends it.
//
// Risk: a wait ended by two, or by nobody; and state that belongs to the OS thread (errno, exceptions, the FPU) seen by the wrong
// green thread after a migration. 4 processors on any machine, so that green threads do migrate.
#include <cerrno>
#include <cfenv>
#include <exception>
#include <set>
#include <stdexcept>
#include <vector>

#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;

// Runs `body(i)` on `n` green threads that all migrate as they like; true if all answered true.
template <class Body>
bool all_of(int n, Body body) {
  std::vector<causeway::task<bool>> tasks;
  for (int i = 0; i < n; ++i) tasks.push_back(spawn([i, &body] { return body(i); }));
  bool good = true;
  for (auto& task : tasks) good &= task.join();
  return good;
}

// A pause that parks in different ways, so that the return may be on any OS thread.
void pause(int kind, causeway::channel<int>& channel) {
  switch (kind % 3) {
    case 0: causeway::this_green::yield(); break;
    case 1: causeway::this_green::sleep_for(50us); break;
    default: channel.send(kind); static_cast<void>(channel.receive());
  }
}

}  // namespace

TEST_CASE("errno is kept over yields, parks and migration") {
  Runtime runtime(4);
  causeway::channel<int> channel(64);
  CHECK(all_of(32, [&](int i) {
    for (int round = 0; round < 200; ++round) {
      set_errno(1000 + i);
      pause(round + i, channel);
      if (get_errno() != 1000 + i) return false;
    }
    return true;
  }));
}

TEST_CASE("an exception in flight survives yields and migration") {
  Runtime runtime(4);
  causeway::channel<int> channel(64);
  CHECK(all_of(32, [&](int i) {
    struct Watch {  // its destructor runs while the exception is in flight
      causeway::channel<int>& channel;
      int kind;
      bool& good;
      ~Watch() {
        good &= std::uncaught_exceptions() == 1;
        pause(kind, channel);
        good &= std::uncaught_exceptions() == 1;
      }
    };
    bool good = true;
    for (int round = 0; round < 100; ++round) {
      try {
        Watch watch{channel, round, good};
        throw i;
      } catch (int caught) {
        good &= caught == i && std::uncaught_exceptions() == 0;
        pause(round + 1, channel);
        // Nested: throw and catch another one inside the handler, with a pause in between, then rethrow the outer one.
        try {
          try {
            throw std::runtime_error(std::to_string(i));
          } catch (const std::runtime_error& e) {
            pause(round, channel);
            good &= e.what() == std::to_string(i);
          }
          pause(round, channel);
          throw;
        } catch (int again) { good &= again == i; }
      }
      good &= std::current_exception() == nullptr && std::uncaught_exceptions() == 0;
    }
    return good;
  }));
}

TEST_CASE("the rounding mode travels with its green thread") {
  Runtime runtime(4);
  causeway::channel<int> channel(64);
  // What the units themselves give for 1/3 and -1/3 in each mode, beside what the library says: the x87 unit and the vector unit.
  const auto third = [](auto minus_or_plus_one) {
    volatile auto one = minus_or_plus_one;
    volatile auto three = minus_or_plus_one * minus_or_plus_one * 3;
    return one / three;
  };
  constexpr int kModes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  double vector_unit[4][2];
  long double x87[4][2];
  for (int m = 0; m < 4; ++m) {
    std::fesetround(kModes[m]);
    vector_unit[m][0] = third(1.0), vector_unit[m][1] = third(-1.0);
    x87[m][0] = third(1.0L), x87[m][1] = third(-1.0L);
  }
  std::fesetround(FE_TONEAREST);
  REQUIRE(vector_unit[1][0] != vector_unit[2][0]);
  CHECK(all_of(32, [&](int i) {
    bool good = std::fegetround() == FE_TONEAREST;
    for (int round = 0; round < 200; ++round) {
      const int m = (i + round) % 4;
      std::fesetround(kModes[m]);
      pause(round + i, channel);
      good &= std::fegetround() == kModes[m];
      good &= third(1.0) == vector_unit[m][0] && third(-1.0) == vector_unit[m][1];
      good &= third(1.0L) == x87[m][0] && third(-1.0L) == x87[m][1];
    }
    return good;  // the mode is left as it is: the next one on this stack starts with the default
  }));
}

TEST_CASE("a wait is ended exactly once by a waker, a time-out and a stop request that race") {
  Runtime runtime(4);
  int woken = 0, timed_out = 0, cancelled = 0;
  for (int round = 0; round < 3000; ++round) {
    causeway::event event;
    auto waiter = spawn([&] {
      try {
        return event.wait_for(std::chrono::microseconds(20 + round % 80)) ? CW_OK : CW_E_TIMEOUT;
      } catch (const causeway::error& e) { return e.status(); }
    });
    auto setter = spawn([&] {
      for (int i = 0; i < round % 5; ++i) causeway::this_green::yield();
      event.set();
    });
    if (round % 2 == 0) waiter.request_stop();
    switch (waiter.join()) {
      case CW_OK: ++woken; break;
      case CW_E_TIMEOUT: ++timed_out; break;
      case CW_E_CANCELLED: ++cancelled; break;
      default: FAIL("another end");
    }
    setter.join();
  }
  CHECK(woken + timed_out + cancelled == 3000);
  CHECK(woken > 0);
}

TEST_CASE("plain threads and green threads wake each other") {
  Runtime runtime(2);
  causeway::channel<int> there, back;
  auto echo = spawn([&] {
    for (;;) {
      const auto item = there.receive();
      if (!item) return;
      back.send(*item + 1);
    }
  });
  bool good = true;
  for (int i = 0; i < 2000; ++i) {
    there.send(i);
    good &= back.receive() == i + 1;
  }
  there.close();
  echo.join();
  CHECK(good);
}

TEST_CASE("a sleep is never short, on green and on plain threads") {
  Runtime runtime(2);
  const auto sleeps_long_enough = [] {
    for (const auto d : {1us, 100us, 1000us, 3000us}) {
      const auto begin = std::chrono::steady_clock::now();
      causeway::this_green::sleep_for(d);
      if (std::chrono::steady_clock::now() - begin < d) return false;
    }
    return true;
  };
  CHECK(spawn(sleeps_long_enough).join());
  CHECK(sleeps_long_enough());
}
