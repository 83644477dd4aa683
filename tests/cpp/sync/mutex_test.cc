// SPDX-License-Identifier: MIT
//
// Risks: two owners at once; a waiter that nobody wakes or that starves behind newcomers; a second lock by the owner that hangs; memory
// touched by an unlock after the next owner destroyed the mutex (ASan builds see it).
#include "runtime/sync/mutex.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/cpp/sync/party.hpp"

namespace sync_test {
namespace {

uint32_t bits(cw_abi_mutex& mutex) { return std::atomic_ref<uint32_t>(mutex.word).load(); }

uintptr_t here() { return reinterpret_cast<uintptr_t>(__builtin_frame_address(0)); }

TEST_CASE("mutex: one owner at a time, in every mix of parties") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    constexpr int kEach = 5000;
    causeway::mutex mutex;
    int plain = 0;  // unprotected but for the mutex: TSan builds would report it
    {
      std::vector<Party> parties;
      for (int i = 0; i < 6; ++i) {
        parties.emplace_back(i % 2 == 0 ? first : second, [&, i] {
          for (int n = 0; n < kEach; ++n) {
            const std::lock_guard guard(mutex);
            ++plain;
            if (n % 1000 == i) causeway::this_green::yield();  // an owner that is not running
          }
        });
      }
    }
    CHECK(plain == 6 * kEach);
    CHECK(mutex.try_lock());  // nobody left it locked
    mutex.unlock();
  });
}

TEST_CASE("mutex: a second lock by its owner is an error, not a hang") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind) {
    Party owner(first, [] {
      causeway::mutex mutex;
      mutex.lock();
      CHECK(status_of([&] { mutex.lock(); }) == CW_E_STATE);
      CHECK(status_of([&] { static_cast<void>(mutex.try_lock_for(1s)); }) == CW_E_STATE);
      CHECK_FALSE(mutex.try_lock());
      mutex.unlock();
      mutex.lock();
      mutex.unlock();
    });
  });
}

TEST_CASE("mutex: unlocking one that is not locked is an error") {
  causeway::mutex mutex;
  CHECK(status_of([&] { mutex.unlock(); }) == CW_E_STATE);
  mutex.lock();
  mutex.unlock();
  CHECK(status_of([&] { mutex.unlock(); }) == CW_E_STATE);
}

TEST_CASE("mutex: a timed lock ends at its deadline and leaves no trace") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind) {
    cw_abi_mutex mutex{};
    mutex.word = CW_ABI_MUTEX_LOCKED;
    Party waiter(first, [&] {
      const auto begin = std::chrono::steady_clock::now();
      CHECK(causeway::sync::mutex_lock(mutex, here(), 20'000'000) == CW_E_TIMEOUT);
      CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
      CHECK(causeway::sync::mutex_lock(mutex, here(), 0) == CW_E_TIMEOUT);
    });
    waiter.join();
    CHECK(bits(mutex) == CW_ABI_MUTEX_LOCKED);
    CHECK(mutex.waiters == nullptr);
  });
}

TEST_CASE("mutex: a stop request does not end the wait for it") {
  Runtime runtime;
  cw_abi_mutex mutex{};
  mutex.word = CW_ABI_MUTEX_LOCKED;
  auto waiter = causeway::spawn([&] {
    const cw_status status = causeway::sync::mutex_lock(mutex, here(), CW_FOREVER);
    CHECK(causeway::sync::mutex_unlock(mutex) == CW_OK);
    return status;
  });
  REQUIRE(eventually([&] { return (bits(mutex) & CW_ABI_MUTEX_WAITERS) != 0; }));
  waiter.request_stop();
  CHECK(waiter.try_join_for(5ms).error() == CW_E_TIMEOUT);
  CHECK(causeway::sync::mutex_unlock(mutex) == CW_OK);
  CHECK(waiter.join() == CW_OK);
  CHECK(bits(mutex) == 0);
}

TEST_CASE("mutex: a waiter gets it in the end, however often newcomers are faster") {
  Runtime runtime;
  // The greedy one holds it nearly all the time, and also while others run; without the hand-over the waiter's tries fail for ever.
  causeway::mutex mutex;
  std::atomic<bool> done{false};
  uint64_t rounds = 0;
  mutex.lock();
  auto greedy = causeway::spawn([&] {
    while (!done) {
      mutex.lock();
      ++rounds;
      causeway::this_green::sleep_for(50us);
      mutex.unlock();
    }
  });
  auto waiter = causeway::spawn([&] {
    const std::lock_guard guard(mutex);
    done = true;
  });
  causeway::this_green::sleep_for(1ms);
  mutex.unlock();
  CHECK(waiter.try_join_for(10s).has_value());
  done = true;
  greedy.join();
}

TEST_CASE("mutex: the next owner may destroy it at once") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (int round = 0; round < 200; ++round) {
      auto mutex = std::make_unique<causeway::mutex>();
      causeway::mutex* raw = mutex.get();
      raw->lock();
      Party next(second, [&mutex] {
        mutex->lock();
        mutex->unlock();
        mutex.reset();
      });
      if (first == Kind::Green) causeway::this_green::yield();
      raw->unlock();
    }
  });
}

}  // namespace
}  // namespace sync_test
