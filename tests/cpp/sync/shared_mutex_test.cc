// SPDX-License-Identifier: MIT
//
// Risks: a writer beside readers or another writer; writers that starve behind a stream of readers, or readers behind writers; readers that
// wait for a writer that has given up; a second lock by the owner that hangs; memory touched by an unlock after the next owner
// destroyed the mutex.
#include "runtime/sync/shared_mutex.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "tests/cpp/sync/party.hpp"

namespace sync_test {
namespace {

size_t waiting(causeway::shared_mutex& mutex) { return causeway::sync::shared_mutex_waiting(inner<cw_abi_shared_mutex>(mutex)); }
uint64_t word(causeway::shared_mutex& mutex) { return std::atomic_ref(inner<cw_abi_shared_mutex>(mutex).word).load(); }

TEST_CASE("shared_mutex: writers are alone and readers see whole writes, in every mix of parties") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    constexpr int kEach = 2000;
    causeway::shared_mutex mutex;
    int a = 0, b = 0;  // unprotected but for the mutex: TSan builds would report it
    std::atomic<int> torn{0};
    {
      std::vector<Party> parties;
      for (int i = 0; i < 6; ++i) {
        parties.emplace_back(i % 2 == 0 ? first : second, [&, i] {
          for (int n = 0; n < kEach; ++n) {
            if ((n + i) % 4 == 0) {
              const std::unique_lock lock(mutex);
              ++a;
              if (n % 16 == 0) causeway::this_green::yield();
              ++b;
            } else {
              const std::shared_lock lock(mutex);
              if (a != b) ++torn;
              if (n % 64 == 0) causeway::this_green::yield();
            }
          }
        });
      }
    }
    CHECK(torn == 0);
    CHECK(a == 6 * kEach / 4);
    CHECK(word(mutex) == 0);
  });
}

TEST_CASE("shared_mutex: readers share it; while a writer waits no reader comes in, and all that waited go in after it") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    causeway::shared_mutex mutex;
    mutex.lock_shared();
    CHECK(mutex.try_lock_shared());
    CHECK_FALSE(mutex.try_lock());
    mutex.unlock_shared();
    std::atomic<int> readers{0};
    std::atomic<bool> written{false}, leave{false};
    Party writer(first, [&] {
      const std::lock_guard lock(mutex);
      CHECK(readers == 0);
      written = true;
    });
    REQUIRE(eventually([&] { return waiting(mutex) == 1; }));
    CHECK_FALSE(mutex.try_lock_shared());
    std::vector<Party> late;
    for (int i = 0; i < 3; ++i) {
      late.emplace_back(i % 2 == 0 ? first : second, [&] {
        const std::shared_lock lock(mutex);
        CHECK(written);
        ++readers;
        CHECK(eventually([&] { return leave.load(); }));
      });
      REQUIRE(eventually([&] { return waiting(mutex) == static_cast<size_t>(i) + 2; }));
    }
    // A second writer behind them: the readers are let in together before it all the same.
    Party second_writer(second, [&] {
      const std::lock_guard lock(mutex);
      CHECK(readers == 3);
    });
    REQUIRE(eventually([&] { return waiting(mutex) == 5; }));
    mutex.unlock_shared();
    CHECK(eventually([&] { return readers == 3; }));
    leave = true;
    writer.join();
    late.clear();
    second_writer.join();
    CHECK(word(mutex) == 0);
  });
}

TEST_CASE("shared_mutex: when the waiting writer gives up, the readers behind it come in") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    causeway::shared_mutex mutex;
    mutex.lock_shared();  // and stays, until the late reader is inside
    std::stop_source source;
    Party writer(first, [&] { CHECK_FALSE(mutex.lock(source.get_token())); });
    REQUIRE(eventually([&] { return waiting(mutex) == 1; }));
    std::atomic<bool> inside{false};
    Party reader(second, [&] {
      const std::shared_lock lock(mutex);
      inside = true;
    });
    REQUIRE(eventually([&] { return waiting(mutex) == 2; }));
    source.request_stop();
    CHECK(eventually([&] { return inside.load(); }));
    writer.join();
    reader.join();
    mutex.unlock_shared();
    CHECK(word(mutex) == 0);
  });
}

TEST_CASE("shared_mutex: neither a stream of readers nor one of writers starves the other") {
  Runtime runtime;
  // Each side holds it nearly all the time, and several overlap: without turns the single one of the other kind would never get in.
  for (const bool stream_of_readers : {true, false}) {
    CAPTURE(stream_of_readers);
    causeway::shared_mutex mutex;
    std::atomic<bool> done{false};
    {
      std::vector<Party> stream;
      for (int i = 0; i < 4; ++i) {
        stream.emplace_back(i % 2 == 0 ? Kind::Green : Kind::Thread, [&] {
          while (!done) {
            stream_of_readers ? mutex.lock_shared() : mutex.lock();
            causeway::this_green::sleep_for(100us);
            stream_of_readers ? mutex.unlock_shared() : mutex.unlock();
          }
        });
      }
      for (const Kind kind : {Kind::Green, Kind::Thread}) {
        Party single(kind, [&] {
          for (int n = 0; n < 20; ++n) {
            CHECK((stream_of_readers ? mutex.try_lock_for(kLimit) : mutex.try_lock_shared_for(kLimit)));
            stream_of_readers ? mutex.unlock() : mutex.unlock_shared();
          }
        });
      }
      done = true;
    }
    CHECK(word(mutex) == 0);
  }
}

TEST_CASE("shared_mutex: misuse is an error, not a hang") {
  Runtime runtime;
  for (const Kind kind : {Kind::Green, Kind::Thread, Kind::LockedGreen}) {
    CAPTURE(name(kind));
    Party party(kind, [] {
      causeway::shared_mutex mutex;
      CHECK(status_of([&] { mutex.unlock(); }) == CW_E_STATE);
      CHECK(status_of([&] { mutex.unlock_shared(); }) == CW_E_STATE);
      mutex.lock();
      CHECK(status_of([&] { mutex.lock(); }) == CW_E_STATE);
      CHECK(status_of([&] { mutex.lock_shared(); }) == CW_E_STATE);
      CHECK(status_of([&] { static_cast<void>(mutex.try_lock_for(1h)); }) == CW_E_STATE);
      CHECK(status_of([&] { mutex.unlock_shared(); }) == CW_E_STATE);
      CHECK_FALSE(mutex.try_lock());
      CHECK_FALSE(mutex.try_lock_shared());
      mutex.unlock();
      mutex.lock_shared();
      CHECK(status_of([&] { mutex.unlock(); }) == CW_E_STATE);
      CHECK_FALSE(mutex.try_lock());
      CHECK_FALSE(mutex.try_lock_for(1ms));
      CHECK(mutex.try_lock_shared());
      mutex.unlock_shared();
      mutex.unlock_shared();
      CHECK(word(mutex) == 0);
    });
  }
}

TEST_CASE("shared_mutex: a stop request to the waiting green thread does not end the wait") {
  Runtime runtime;
  causeway::shared_mutex mutex;
  mutex.lock();
  auto waiter = causeway::spawn([&] { const std::shared_lock lock(mutex); });
  REQUIRE(eventually([&] { return waiting(mutex) == 1; }));
  waiter.request_stop();
  CHECK(waiter.try_join_for(5ms).error() == CW_E_TIMEOUT);
  CHECK(waiting(mutex) == 1);
  mutex.unlock();
  waiter.join();
}

TEST_CASE("shared_mutex: the next owner may destroy it at once") {
  static constinit causeway::shared_mutex constant;
  CHECK(constant.try_lock_shared());
  constant.unlock_shared();
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (int round = 0; round < 200; ++round) {
      auto mutex = std::make_unique<causeway::shared_mutex>();
      causeway::shared_mutex* raw = mutex.get();
      const bool shared = round % 2 == 0;
      shared ? raw->lock_shared() : raw->lock();
      Party next(second, [&mutex] {
        mutex->lock();
        mutex->unlock();
        mutex.reset();
      });
      if (first == Kind::Green) causeway::this_green::yield();
      shared ? raw->unlock_shared() : raw->unlock();
    }
  });
}

}  // namespace
}  // namespace sync_test
