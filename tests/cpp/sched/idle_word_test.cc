// SPDX-License-Identifier: MIT
//
// The idle word's arithmetic, and the whole sleep and wake-up protocol on real threads.
//
// Risk: a lost wake-up, which shows as a test that hangs; so the test waits with a deadline. 1500 rounds: each lets
// both workers fall asleep or nearly so before the next item comes.
#include "runtime/sched/idle_word.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/os/os.hpp"
#include "runtime/sched/inject.hpp"
#include "runtime/sched/park_word.hpp"

namespace causeway::sched {
namespace {

TEST_CASE("only one wake-up is under way, and it needs an idle P") {
  IdleWord<> word(4);
  CHECK_FALSE(word.should_wake());
  CHECK_FALSE(word.begin_wake());
  word.add_idle();
  CHECK(word.should_wake());
  CHECK(word.begin_wake());
  CHECK_FALSE(word.should_wake());
  CHECK_FALSE(word.begin_wake());
  CHECK(word.end_search());  // the last one, and a P is idle: wake one more
  word.remove_idle();
  CHECK(word.begin_search());
  CHECK_FALSE(word.end_search());  // nobody to wake
}

TEST_CASE("searchers are at most half of the busy Ps, and one is always allowed") {
  IdleWord<> word(8);
  for (int i = 0; i < 4; ++i) CHECK(word.begin_search());
  CHECK_FALSE(word.begin_search());
  for (int i = 0; i < 3; ++i) word.search_to_idle();
  CHECK(word.view().searching == 1);
  CHECK(word.view().idle == 3);
  CHECK(word.begin_search());  // 2 of 5 busy
  CHECK_FALSE(word.begin_search());
  word.idle_to_search();  // its own look counts beyond the limit
  CHECK(word.view().searching == 3);
  CHECK(word.view().idle == 2);
  word.reset(1);
  CHECK(word.view().searching == 0);
  CHECK(word.begin_search());
  CHECK_FALSE(word.begin_search());
}

struct Item {
  Item* next = nullptr;
};

// Two workers that search an injection list and sleep; one item at a time.
template <class Order>
struct Pool {
  InjectList<Item, &Item::next> list;
  IdleWord<base::RealAtomics, Order> idle{2};
  SleepWord<> words[2];
  std::mutex lock;
  std::vector<uint32_t> sleepers;
  std::atomic<uint32_t> done{0};
  std::atomic<bool> end{false};

  void wake_one() {
    while (idle.begin_wake()) {
      std::unique_lock guard(lock);
      if (!sleepers.empty()) {
        const uint32_t worker = sleepers.back();
        sleepers.pop_back();
        idle.remove_idle();
        guard.unlock();
        words[worker].wake();
        return;
      }
      guard.unlock();
      if (!idle.end_search()) return;
    }
  }

  void worker(uint32_t self) {
    bool searching = false;
    while (!end.load(std::memory_order_acquire)) {
      if (!searching) searching = idle.begin_search();
      Item* item = searching ? list.take_all() : nullptr;
      if (item != nullptr) {
        searching = false;
        if (idle.end_search()) wake_one();
        for (; item != nullptr; item = item->next) done.fetch_add(1, std::memory_order_release);
        continue;
      }
      {
        const std::lock_guard guard(lock);
        sleepers.push_back(self);
        searching ? idle.search_to_idle() : idle.add_idle();
      }
      searching = false;
      idle.look_again();
      if (!list.empty() || end.load(std::memory_order_acquire)) {
        const std::lock_guard guard(lock);
        if (std::erase(sleepers, self) != 0) {
          idle.idle_to_search();
          searching = true;
          continue;
        }
      }
      words[self].sleep();
      searching = true;
    }
  }

  bool run(uint32_t rounds) {
    std::vector<Item> items(rounds);
    std::thread workers[2] = {std::thread([this] { worker(0); }), std::thread([this] { worker(1); })};
    const uint64_t deadline = os::now_ns() + 20'000'000'000;
    bool lost = false;
    for (uint32_t i = 0; i < rounds && !lost; ++i) {
      list.push(&items[i]);
      if (idle.should_wake()) wake_one();
      while (done.load(std::memory_order_acquire) != i + 1 && !(lost = os::now_ns() > deadline)) std::this_thread::yield();
    }
    end.store(true, std::memory_order_release);
    for (SleepWord<>& word : words) word.wake();
    for (std::thread& thread : workers) thread.join();
    return !lost;
  }
};

TEST_CASE("no item is left while workers sleep, with the fence in the pusher") {
  auto pool = std::make_unique<Pool<PusherFence>>();
  CHECK(pool->run(1500));
}

TEST_CASE("no item is left while workers sleep, with the membarrier in the sleeper") {
  // Both modes: with the system call, and with a full fence on both sides (also what is left where it is missing).
  for (const base::asym::Mode mode : {base::asym::Mode::Auto, base::asym::Mode::Fence}) {
    REQUIRE(base::asym::start(mode).has_value());
    auto pool = std::make_unique<Pool<SleeperMembarrier>>();
    CHECK(pool->run(1500));
  }
}

}  // namespace
}  // namespace causeway::sched
