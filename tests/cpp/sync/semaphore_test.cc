// SPDX-License-Identifier: MIT
//
// Risks: more inside than the count allows; something given back that a newcomer takes from who waits, or that nobody gets; a count that goes
// over its limit, or changes with a release that failed; memory touched by a release after the last acquirer destroyed the semaphore.
#include "runtime/sync/semaphore.hpp"

#include <atomic>
#include <memory>
#include <vector>

#include "tests/cpp/sync/party.hpp"

namespace sync_test {
namespace {

size_t waiting(causeway::semaphore& semaphore) { return causeway::sync::semaphore_waiting(inner<cw_abi_semaphore>(semaphore)); }

TEST_CASE("semaphore: never more inside than its count, in every mix of parties") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    constexpr int kPlaces = 3, kEach = 2000;
    causeway::semaphore semaphore(kPlaces);
    std::atomic<int> inside{0}, most{0}, rounds{0};
    {
      std::vector<Party> parties;
      for (int i = 0; i < 8; ++i) {
        parties.emplace_back(i % 2 == 0 ? first : second, [&] {
          for (int n = 0; n < kEach; ++n) {
            semaphore.acquire();
            const int now = ++inside;
            int seen = most;
            while (now > seen && !most.compare_exchange_weak(seen, now)) {}
            if (n % 8 == 0) causeway::this_green::yield();
            --inside;
            ++rounds;
            semaphore.release();
          }
        });
      }
    }
    CHECK(rounds == 8 * kEach);
    CHECK(most <= kPlaces);
    for (int i = 0; i < kPlaces; ++i) CHECK(semaphore.try_acquire());  // none was lost
    CHECK_FALSE(semaphore.try_acquire());
  });
}

TEST_CASE("semaphore: first come, first served, and a newcomer takes nothing from who waits") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    causeway::semaphore semaphore(0);
    std::atomic<int> order{0};
    int place[4] = {};
    {
      std::vector<Party> waiters;
      for (int i = 0; i < 4; ++i) {
        waiters.emplace_back(i % 2 == 0 ? first : second, [&, i] {
          semaphore.acquire();
          place[i] = ++order;
        });
        REQUIRE(eventually([&] { return waiting(semaphore) == static_cast<size_t>(i) + 1; }));
      }
      semaphore.release();
      // One who barges would get it here as long as the first waiter has not run yet.
      CHECK_FALSE(semaphore.try_acquire());
      REQUIRE(eventually([&] { return order == 1; }));
      semaphore.release();
      REQUIRE(eventually([&] { return order == 2; }));
      semaphore.release(5);  // two for those that wait, three stay
    }
    CHECK(place[0] == 1);
    CHECK(place[1] == 2);
    CHECK(place[2] + place[3] == 7);
    for (int i = 0; i < 3; ++i) CHECK(semaphore.try_acquire());
    CHECK_FALSE(semaphore.try_acquire());
  });
}

TEST_CASE("semaphore: who gives up leaves the queue to the others") {
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    causeway::semaphore semaphore(0);
    std::stop_source source;
    std::atomic<bool> got{false};
    Party quitter(first, [&] { CHECK_FALSE(semaphore.acquire(source.get_token())); });
    REQUIRE(eventually([&] { return waiting(semaphore) == 1; }));
    Party stayer(second, [&] {
      semaphore.acquire();
      got = true;
    });
    REQUIRE(eventually([&] { return waiting(semaphore) == 2; }));
    source.request_stop();
    quitter.join();
    CHECK(waiting(semaphore) == 1);
    CHECK_FALSE(got);
    semaphore.release();
    stayer.join();
    CHECK(inner<cw_abi_semaphore>(semaphore).word == 0);
  });
}

TEST_CASE("semaphore: counts out of range are errors, and change nothing") {
  CHECK(status_of([] { causeway::semaphore below(-1); }) == CW_E_INVALID);
  CHECK(status_of([] { causeway::semaphore over(causeway::semaphore::max() + 1); }) == CW_E_INVALID);
  CHECK(causeway::semaphore::max() >= (std::ptrdiff_t{1} << 31) - 1);
  causeway::semaphore full(causeway::semaphore::max());
  CHECK(status_of([&] { full.release(); }) == CW_E_LIMIT);
  CHECK(status_of([&] { full.release(std::ptrdiff_t{1} << 40); }) == CW_E_LIMIT);
  full.acquire();
  CHECK(status_of([&] { full.release(2); }) == CW_E_LIMIT);
  CHECK(status_of([&] { full.release(-1); }) == CW_E_INVALID);
  full.release(0);
  full.release();
  CHECK(status_of([&] { full.release(); }) == CW_E_LIMIT);
}

TEST_CASE("semaphore: a stop request to the waiting green thread is a throw, and takes nothing") {
  Runtime runtime;
  causeway::semaphore semaphore(0);
  auto waiter = causeway::spawn([&] {
    std::stop_source unrelated;
    return status_of([&] { static_cast<void>(semaphore.acquire(unrelated.get_token())); });
  });
  REQUIRE(eventually([&] { return waiting(semaphore) == 1; }));
  waiter.request_stop();
  CHECK(waiter.join() == CW_E_CANCELLED);
  semaphore.release();
  CHECK(semaphore.try_acquire());
}

TEST_CASE("semaphore: constant initialisation, and the last acquirer may destroy it at once") {
  static constinit causeway::semaphore constant(2);
  CHECK(constant.try_acquire());
  constant.release();
  Runtime runtime;
  for_each_mix([](Kind first, Kind second) {
    for (int round = 0; round < 200; ++round) {
      auto semaphore = std::make_unique<causeway::semaphore>(0);
      Party giver(second, [raw = semaphore.get()] { raw->release(); });
      Party taker(first, [&semaphore] {
        semaphore->acquire();
        semaphore.reset();
      });
    }
  });
}

}  // namespace
}  // namespace sync_test
