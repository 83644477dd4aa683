// SPDX-License-Identifier: MIT
//
// Risks: a notification between the unlock and the sleep that is lost; one that goes to a waiter whose time was up, and so to nobody; a notify that
// touches the condition after its last waiter has destroyed it; the lock not held after a wait that ended in any other way.
#include "runtime/sync/condition.hpp"

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "tests/cpp/sync/party.hpp"

namespace sync_test {
namespace {

size_t waiting(causeway::condition_variable& condition) { return causeway::sync::condition_waiting(inner<cw_abi_condition>(condition)); }

TEST_CASE("condition_variable: a bounded queue loses no item and no wake-up, in every mix of parties") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    // notify_one only, two conditions, capacity 1: a single lost notification is a hang.
    constexpr int kItems = 1000, kPairs = 3;
    causeway::mutex mutex;
    causeway::condition_variable not_empty, not_full;
    std::deque<int> queue;
    std::atomic<int64_t> sum{0};
    {
      std::vector<Party> parties;
      for (int i = 0; i < kPairs; ++i) {
        parties.emplace_back(first, [&] {
          for (int n = 1; n <= kItems; ++n) {
            std::unique_lock lock(mutex);
            not_full.wait(lock, [&] { return queue.empty(); });
            queue.push_back(n);
            not_empty.notify_one();
          }
        });
        parties.emplace_back(second, [&] {
          for (int n = 0; n < kItems; ++n) {
            std::unique_lock lock(mutex);
            not_empty.wait(lock, [&] { return !queue.empty(); });
            sum += queue.front();
            queue.pop_front();
            lock.unlock();
            not_full.notify_one();
          }
        });
      }
    }
    CHECK(sum == int64_t{kPairs} * kItems * (kItems + 1) / 2);
  });
}

// A lock that does something between its unlock and the wait's sleep: the gap in which a notification must not be lost.
struct GapLock {
  std::function<void()> in_gap;
  std::mutex inner;
  bool held = false;
  void lock() {
    inner.lock();
    held = true;
  }
  void unlock() {
    held = false;
    inner.unlock();
    if (in_gap) in_gap();
  }
};

TEST_CASE("condition_variable: a notification between the unlock and the sleep ends the wait") {
  Runtime runtime;
  for (const Kind kind : {Kind::Green, Kind::Thread}) {
    for (const bool all : {false, true}) {
      Party party(kind, [&] {
        causeway::condition_variable condition;
        GapLock lock;
        lock.in_gap = [&] {
          CHECK(waiting(condition) == 0);  // not asleep yet
          all ? condition.notify_all() : condition.notify_one();
        };
        lock.lock();
        CHECK(condition.wait_for(lock, kLimit) == std::cv_status::no_timeout);
        CHECK(lock.held);
        // Also when the unlock itself waits, which takes another ticket of the same party.
        lock.in_gap = [&] {
          condition.notify_one();
          causeway::this_green::sleep_for(1ms);
        };
        CHECK(condition.wait_for(lock, kLimit) == std::cv_status::no_timeout);
        CHECK(lock.held);
        lock.in_gap = nullptr;
        CHECK(condition.wait_for(lock, 1ms) == std::cv_status::timeout);  // neither notification counted twice
        lock.unlock();
      });
    }
  }
}

TEST_CASE("condition_variable: first come, first served; notify_all wakes those that wait and nobody later") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    causeway::mutex mutex;
    causeway::condition_variable condition;
    std::atomic<int> order{0};
    int place[5] = {};
    {
      std::vector<Party> waiters;
      auto add = [&](int i) {
        waiters.emplace_back(i % 2 == 0 ? first : second, [&, i] {
          std::unique_lock lock(mutex);
          condition.wait(lock);
          place[i] = ++order;
        });
      };
      for (int i = 0; i < 4; ++i) {
        add(i);
        REQUIRE(eventually([&] { return waiting(condition) == static_cast<size_t>(i) + 1; }));
      }
      condition.notify_one();
      REQUIRE(eventually([&] { return order == 1; }));
      condition.notify_one();
      REQUIRE(eventually([&] { return order == 2; }));
      condition.notify_all();
      REQUIRE(eventually([&] { return order == 4; }));
      add(4);
      REQUIRE(eventually([&] { return waiting(condition) == 1; }));
      CHECK(order == 4);
      condition.notify_all();
    }
    CHECK(place[0] == 1);
    CHECK(place[1] == 2);
    CHECK(place[4] == 5);
  });
}

TEST_CASE("condition_variable: a notification is not used up by a waiter that has given up") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (int round = 0; round < 100; ++round) {
      causeway::mutex mutex;
      causeway::condition_variable condition;
      bool go = false, quitter_got_it = false;
      std::stop_source source;
      // The quitter stands first, and its stop request races with the one notification.
      Party quitter(first, [&] {
        std::unique_lock lock(mutex);
        quitter_got_it = condition.wait(lock, source.get_token());
      });
      REQUIRE(eventually([&] { return waiting(condition) == 1; }));
      Party stayer(second, [&] {
        std::unique_lock lock(mutex);
        condition.wait(lock, [&] { return go; });
      });
      REQUIRE(eventually([&] { return waiting(condition) == 2; }));
      Party stopper(Kind::Thread, [&] { source.request_stop(); });
      {
        const std::lock_guard lock(mutex);
        go = true;
      }
      condition.notify_one();
      quitter.join();
      if (quitter_got_it) condition.notify_one();  // it was the quitter's: the stayer is owed another
      stayer.join();
    }
  });
}

TEST_CASE("condition_variable: the lock is held after every end of a wait") {
  Runtime runtime;
  causeway::mutex mutex;
  causeway::condition_variable condition;
  auto cancelled = causeway::spawn([&] {
    std::unique_lock lock(mutex);
    const cw_status status = status_of([&] { condition.wait(lock); });
    CHECK(lock.owns_lock());
    CHECK_FALSE(mutex.try_lock());
    return status;
  });
  REQUIRE(eventually([&] { return waiting(condition) == 1; }));
  cancelled.request_stop();
  CHECK(cancelled.join() == CW_E_CANCELLED);
  std::stop_source stopped;
  stopped.request_stop();
  std::unique_lock lock(mutex);
  CHECK_FALSE(condition.wait(lock, stopped.get_token()));
  CHECK_FALSE(condition.wait(lock, stopped.get_token(), [] { return false; }));
  CHECK(condition.wait(lock, stopped.get_token(), [] { return true; }));
  CHECK(condition.wait_for(lock, -1h) == std::cv_status::timeout);
  CHECK(condition.wait_until(lock, std::chrono::system_clock::time_point{}) == std::cv_status::timeout);
  CHECK_FALSE(mutex.try_lock());
  CHECK(waiting(condition) == 0);
}

TEST_CASE("condition_variable: one wait with a time and a stop token ends by either, or by a notification") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    causeway::mutex mutex;
    causeway::condition_variable condition;
    const auto late = [] { return std::chrono::system_clock::now() + 1h; };
    for (const bool until : {false, true}) {
      for (const bool notified : {false, true}) {
        std::stop_source source;
        bool answer = !notified;
        {
          Party waiter(first, [&] {
            std::unique_lock lock(mutex);
            const std::stop_token token = source.get_token();
            answer = until ? condition.wait_until(lock, token, late()) : condition.wait_for(lock, token, 1h);
            CHECK_FALSE(mutex.try_lock());
          });
          REQUIRE(eventually([&] { return waiting(condition) == 1; }));
          Party waker(second, [&] { notified ? condition.notify_one() : static_cast<void>(source.request_stop()); });
        }
        CHECK(answer == notified);
        CHECK(waiting(condition) == 0);
      }
    }
    Party(first, [&] {
      std::stop_source source;
      std::unique_lock lock(mutex);
      const auto begin = std::chrono::steady_clock::now();
      CHECK_FALSE(condition.wait_for(lock, source.get_token(), 20ms));
      while (condition.wait_until(lock, source.get_token(), begin + 40ms)) {}
      CHECK(std::chrono::steady_clock::now() - begin >= 40ms);
      source.request_stop();
      CHECK_FALSE(condition.wait_for(lock, source.get_token(), 1h));
      CHECK_FALSE(condition.wait_until(lock, source.get_token(), late()));
      CHECK_FALSE(mutex.try_lock());
    });
  });
}

TEST_CASE("condition_variable: works with shared locks, standard mutexes, and a lock whose unlock throws") {
  Runtime runtime;
  Party party(Kind::Green, [] {
    causeway::condition_variable condition;
    causeway::shared_mutex shared;
    std::shared_lock reader(shared);
    CHECK(condition.wait_for(reader, 1ms) == std::cv_status::timeout);
    CHECK(reader.owns_lock());
    std::mutex standard;
    std::unique_lock plain(standard);
    CHECK(condition.wait_for(plain, 1ms) == std::cv_status::timeout);
    causeway::mutex unlocked;
    CHECK(status_of([&] { condition.wait(unlocked); }) == CW_E_STATE);
    CHECK(inner<cw_abi_condition>(condition).word == 0);  // it is not queued any more
  });
}

TEST_CASE("condition_variable: may be destroyed when all waiters have been notified") {
  static constinit causeway::condition_variable constant;
  constant.notify_all();
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (int round = 0; round < 200; ++round) {
      causeway::mutex mutex;
      auto condition = std::make_unique<causeway::condition_variable>();
      int entered = 0, left = 0;
      auto body = [&] {
        std::unique_lock lock(mutex);
        ++entered;
        condition->wait(lock);
        ++left;
      };
      Party a(first, body), b(second, body);
      REQUIRE(eventually([&] {
        const std::lock_guard lock(mutex);
        return entered == 2;
      }));
      {
        const std::lock_guard lock(mutex);  // both have been queued: they gave the mutex back in wait()
        condition->notify_all();
      }
      condition.reset();  // they may not have returned, nor even have gone to sleep
      a.join();
      b.join();
      CHECK(left == 2);
    }
  });
}

}  // namespace
}  // namespace sync_test
