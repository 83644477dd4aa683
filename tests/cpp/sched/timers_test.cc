// SPDX-License-Identifier: MIT
//
// Deadlines of waits: not early, not forgotten whoever sleeps, and with the virtual clock as fast as the work.
//
// Risk: a timer on the wheel of a P that nobody holds, with no watcher awake for it. So single timers on an idle runtime, an earlier one
// armed behind a later one's back, and thousands that are disarmed before their time.
#include <vector>

#include "runtime/sched/sched.hpp"
#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;
using Clock = std::chrono::steady_clock;

}  // namespace

TEST_CASE("an hour of virtual time passes at once, and in order") {
  for (const unsigned processors : {1u, 2u, 4u}) {
    CAPTURE(processors);
    const auto begin = Clock::now();
    Runtime runtime(processors, "virtual-clock");
    std::vector<int> order;  // only one of them is awake at a time
    spawn([&] {
      std::vector<causeway::task<void>> tasks;
      for (int minutes : {60, 1, 30, 59})
        tasks.push_back(spawn([&order, minutes] {
          causeway::this_green::sleep_for(std::chrono::minutes(minutes));
          order.push_back(minutes);
        }));
      for (auto& task : tasks) task.join();
    }).join();
    CHECK(order == std::vector<int>{1, 30, 59, 60});
    CHECK(Clock::now() - begin < kLimit);
  }
}

TEST_CASE("a green thread that is blocked for a virtual hour does not stop the others") {
  Runtime runtime(1, "virtual-clock");
  // Both are spawned by a green thread: time stands still until it waits, too.
  const auto item = spawn([] {
                      causeway::channel<int> channel;
                      auto receiver = spawn([&] { return channel.receive_for(2h); });
                      auto ticker = spawn([&] {
                        for (int i = 0; i < 3600; ++i) causeway::this_green::sleep_for(1s);
                        return channel.send(3600);
                      });
                      return ticker.join() ? receiver.join() : causeway::result<int>(CW_E_CLOSED);
                    }).join();
  REQUIRE(item.has_value());
  CHECK(*item == 3600);
}

TEST_CASE("with the virtual clock a wait for a year times out") {
  Runtime runtime(2, "virtual-clock");
  causeway::event never;
  CHECK_FALSE(spawn([&] { return never.wait_for(24h * 365); }).join());
}

TEST_CASE("with the virtual clock plain threads wait in real time") {
  {
    Runtime runtime(2, "virtual-clock");
    causeway::event never;
    CHECK_FALSE(never.wait_for(2ms));
    CHECK(cw_green_sleep(1'000'000) == CW_OK);
  }
  CHECK(cw_green_sleep(1'000'000) == CW_OK);  // and after that runtime's end
}

TEST_CASE("a thousand sleepers of different lengths all wake, none early") {
  for (const unsigned processors : {1u, 4u}) {
    CAPTURE(processors);
    Runtime runtime(processors);
    std::atomic<int> early{0};
    std::vector<causeway::task<void>> tasks;
    for (int i = 0; i < 1000; ++i)
      tasks.push_back(spawn([i, &early] {
        const auto d = std::chrono::microseconds(i * 37 % 20'000);
        const auto begin = Clock::now();
        causeway::this_green::sleep_for(d);
        early += Clock::now() - begin < d;
      }));
    for (auto& task : tasks) task.join();
    CHECK(early == 0);
  }
}

TEST_CASE("an earlier timer that is armed later comes first") {
  Runtime runtime(2);
  auto late = spawn([] { return status_of([] { causeway::this_green::sleep_for(1h); }); });
  CHECK(eventually([] { return causeway::stats().greens_parked == 1; }));
  // Everything sleeps until the hour is over; 200 times an earlier deadline must be seen.
  const auto begin = Clock::now();
  for (int i = 0; i < 200; ++i) spawn([] { causeway::this_green::sleep_for(100us); }).join();
  CHECK(Clock::now() - begin < kLimit);
  late.request_stop();
  CHECK(late.join() == CW_E_CANCELLED);
}

TEST_CASE("timers that are disarmed leave nothing behind") {
  Runtime runtime(2);
  spawn([] {
    causeway::channel<int> there, back;
    auto echo = spawn([&] {
      while (const auto item = there.receive_for(1h)) back.send(*item);
    });
    for (int i = 0; i < 5000; ++i) {
      int item = i;
      REQUIRE(there.send_for(item, 1h) == CW_OK);
      REQUIRE(back.receive_for(1h).value() == i);
    }
    there.close();
    echo.join();
  }).join();
  CHECK(causeway::sched::counters().greens_parked == 0);
}

TEST_CASE("a timer fires while every processor is kept busy by yielding green threads") {
  Runtime runtime(2);
  std::atomic<bool> over{false};
  std::vector<causeway::task<void>> busy;
  for (int i = 0; i < 6; ++i)
    busy.push_back(spawn([&] {
      while (!over) causeway::this_green::yield();
    }));
  // Ten in a row, each a fraction of the limit: a timer that is seen only when somebody idles would never come.
  const auto begin = Clock::now();
  spawn([] {
    for (int i = 0; i < 10; ++i) causeway::this_green::sleep_for(1ms);
  }).join();
  CHECK(Clock::now() - begin < kLimit / 3);
  over = true;
  for (auto& task : busy) task.join();
}
