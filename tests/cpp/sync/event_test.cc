// SPDX-License-Identifier: MIT
//
// Risks: a set that is lost between the look at the flag and the sleep, above all one from a signal handler that interrupts the waiter
// itself; a set that lets two through; memory touched by set() after the waiter destroyed the event (ASan builds see it).
#include "runtime/sync/event.hpp"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <vector>

#include "tests/cpp/sync/party.hpp"

namespace sync_test {
namespace {

constexpr uint32_t kWaitersBit = 2;  // of cw_abi_event::word; see event.hpp

uint32_t bits(cw_abi_event& event) { return std::atomic_ref<uint32_t>(event.word).load(); }

TEST_CASE("event: one set lets one wait through; several before a wait are one") {
  causeway::event event;
  CHECK_FALSE(event.try_wait());
  event.set();
  event.set();
  CHECK(event.try_wait());
  CHECK_FALSE(event.try_wait());
  event.set();
  event.reset();
  CHECK_FALSE(event.try_wait());
}

TEST_CASE("event: a manual one stays set until its reset and lets everybody through") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    causeway::event event{causeway::manual_reset};
    std::atomic<int> through{0};
    auto body = [&] {
      event.wait();
      ++through;
    };
    {
      Party a(first, body), b(second, body), c(first, body);
      event.set();
    }
    CHECK(through == 3);
    CHECK(event.try_wait());
    event.reset();
    CHECK_FALSE(event.try_wait());
  });
}

TEST_CASE("event: as many sets as waiters let all of them through, first come, first served") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    cw_abi_event event{};
    std::atomic<int> order{0};
    int place[3] = {};
    {
      std::vector<Party> waiters;
      for (int i = 0; i < 3; ++i) {
        waiters.emplace_back(i % 2 == 0 ? first : second, [&, i] {
          CHECK(causeway::sync::event_wait(event, CW_FOREVER) == CW_OK);
          place[i] = ++order;
        });
        REQUIRE(eventually([&] { return causeway::sync::event_waiting(event) == static_cast<size_t>(i) + 1; }));
      }
      for (int i = 1; i <= 3; ++i) {
        causeway::sync::event_set(event);
        REQUIRE(eventually([&] { return order == i; }));
      }
    }
    CHECK(place[0] == 1);
    CHECK(place[1] == 2);
    CHECK(place[2] == 3);
    CHECK(bits(event) == 0);
  });
}

TEST_CASE("event: a ping-pong over two events never loses a set") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    constexpr int kRounds = 2000;
    causeway::event ping, pong;
    int plain = 0;
    Party a(first, [&] {
      for (int i = 0; i < kRounds; ++i) {
        ++plain;
        ping.set();
        pong.wait();
      }
    });
    Party b(second, [&] {
      for (int i = 0; i < kRounds; ++i) {
        ping.wait();
        ++plain;
        pong.set();
      }
    });
    a.join();
    b.join();
    CHECK(plain == 2 * kRounds);
  });
}

TEST_CASE("event: a wait ends at its deadline or at a stop request, and leaves no trace") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind) {
    cw_abi_event event{};
    Party waiter(first, [&] {
      const auto begin = std::chrono::steady_clock::now();
      CHECK(causeway::sync::event_wait(event, 20'000'000) == CW_E_TIMEOUT);
      CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
    });
    waiter.join();
    CHECK(bits(event) == 0);
    CHECK(event.waiters == nullptr);
  });
  cw_abi_event event{};
  auto stopped = causeway::spawn([&] { return causeway::sync::event_wait(event, CW_FOREVER); });
  REQUIRE(eventually([&] { return (bits(event) & kWaitersBit) != 0; }));
  stopped.request_stop();
  CHECK(stopped.join() == CW_E_CANCELLED);
  CHECK(bits(event) == 0);
}

TEST_CASE("event: close ends the waits of now and later") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind) {
    cw_abi_event event{};
    std::atomic<cw_status> got{CW_OK};
    {
      Party waiter(first, [&] { got = causeway::sync::event_wait(event, CW_FOREVER); });
      REQUIRE(eventually([&] { return (bits(event) & kWaitersBit) != 0; }));
      causeway::sync::event_close(event);
    }
    CHECK(got == CW_E_CLOSED);
    CHECK(causeway::sync::event_wait(event, CW_FOREVER) == CW_E_CLOSED);
  });
}

TEST_CASE("event: sets that race with deadlines are neither lost nor doubled") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    constexpr int kSets = 1000;
    causeway::event event;
    std::atomic<int> taken{0};
    Party waiter(first, [&] {
      while (taken < kSets)
        if (event.wait_for(10us)) ++taken;
    });
    Party setter(second, [&] {
      for (int i = 0; i < kSets; ++i) {
        event.set();
        REQUIRE(eventually([&] { return taken > i; }));
      }
    });
    setter.join();
    waiter.join();
    CHECK(taken == kSets);
    CHECK_FALSE(event.try_wait());
  });
}

TEST_CASE("event: who was let through may destroy it at once") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (int round = 0; round < 200; ++round) {
      auto event = std::make_unique<causeway::event>();
      Party setter(second, [raw = event.get()] { raw->set(); });
      Party waiter(first, [&event] {
        event->wait();
        event.reset();
      });
    }
  });
}

// --- signal handlers ----------------------------------------------------------------------------------------

causeway::event* handler_sets = nullptr;

void on_signal(int) { handler_sets->set(); }

TEST_CASE("event: a set by a handler that interrupts the waiter itself wakes it") {
  // A one-shot timer interrupts this very thread some 60 us after it was armed (arming alone takes 16 us on a virtual machine). The rounds come
  // to wait() at all moments from 55 to 75 us, so that some are interrupted in each part of it, also while they hold the queue's lock.
  // One set for one wait: if it is lost, nobody comes.
  causeway::event event;
  handler_sets = &event;
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = on_signal;
  REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);
  sigevent how{};
  how.sigev_notify = SIGEV_THREAD_ID;
  how.sigev_signo = SIGUSR1;
  how._sigev_un._tid = gettid();
  timer_t timer{};
  REQUIRE(timer_create(CLOCK_MONOTONIC, &how, &timer) == 0);
  int lost = 0;
  for (int round = 0; round < 10000 && lost == 0; ++round) {
    itimerspec when{};
    when.it_value.tv_nsec = 60'000;
    const auto enter = std::chrono::steady_clock::now() + std::chrono::nanoseconds(55'000 + round * 7 % 20'000);
    if (timer_settime(timer, 0, &when, nullptr) != 0) FAIL("timer_settime");
    while (std::chrono::steady_clock::now() < enter) {}
    if (!event.wait_for(5s)) ++lost;
  }
  CHECK(lost == 0);
  timer_delete(timer);
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_CASE("event: sets by handlers in threads that wait and set themselves reach green threads") {
  Runtime runtime;
  causeway::event event;
  handler_sets = &event;
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);
  std::atomic<bool> stop{false};
  std::atomic<int> woken{0};
  auto green = causeway::spawn([&] {
    while (!stop) {
      event.wait();
      ++woken;
    }
  });
  // Busy inside the library nearly all the time, so that the handler interrupts it there.
  causeway::event own;
  std::thread busy([&] {
    while (!stop) {
      event.set();
      static_cast<void>(own.wait_for(1us));
    }
  });
  for (int i = 0; i < 2000; ++i) {
    pthread_kill(busy.native_handle(), SIGUSR1);
    const int seen = woken;
    if (i % 20 == 0) REQUIRE(eventually([&] { return woken != seen; }));
  }
  stop = true;
  busy.join();
  event.set();
  green.join();
  sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace sync_test
