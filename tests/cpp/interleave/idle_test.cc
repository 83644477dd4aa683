// SPDX-License-Identifier: MIT
//
// Idling and wake-up: a publisher and two workers that search, steal and sleep, with the idle word, the idle list under
// a lock, and a sleep word each.
//
// Risk: work that waits in a queue while a P sleeps. As many items as workers, and a worker that has one is busy for
// ever: so an item that is left over when everybody rests had a sleeping P that nobody woke.
#include "runtime/sched/idle_word.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "runtime/sched/inject.hpp"
#include "runtime/sched/park_word.hpp"
#include "runtime/sched/run_queue.hpp"
#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {
namespace {

struct Item {
  Plain<Item*> next;
};

enum class Publisher { Owner, Foreign };
enum class Start { Searching, Asleep };

template <class Env, class Order, Publisher Who, Start From>
struct Idling : Scenario {
  static constexpr unsigned kWorkers = 2;
  sched::RunQueue<Item, 2, Env> queue, local[kWorkers];
  sched::InjectList<Item, &Item::next, Env> injected;
  sched::IdleWord<Env, Order> idle{kWorkers + 1};
  sched::SleepWord<Env, CheckedFutex> words[kWorkers];
  CheckedLock lock;                // Sched's lock
  std::vector<unsigned> sleepers;  // the idle list, guarded by it
  Item items[kWorkers];
  unsigned taken = 0;

  Idling() {
    if (From == Start::Asleep)
      for (unsigned worker = 0; worker < kWorkers; ++worker) {
        sleepers.push_back(worker);
        idle.add_idle();
      }
  }

  unsigned threads() const override { return 1 + kWorkers; }
  bool may_end_waiting() const override { return true; }

  void wake_one() {
    while (idle.begin_wake()) {
      lock.lock();
      if (!sleepers.empty()) {
        const unsigned worker = sleepers.back();
        sleepers.pop_back();
        idle.remove_idle();
        lock.unlock();
        words[worker].wake();
        return;
      }
      lock.unlock();
      if (!idle.end_search()) return;
    }
  }

  void publisher() {
    for (Item& item : items) {
      if (Who == Publisher::Owner) queue.push(&item);
      else injected.push(&item);
      if (idle.should_wake()) wake_one();
    }
  }

  Item* find(unsigned worker) {
    if (Item* item = local[worker].pop()) return item;
    if (Who == Publisher::Foreign) {
      Item* const first = injected.take_all();
      if (first == nullptr) return nullptr;
      for (Item* more = first->next; more != nullptr;) {
        Item* const next = more->next;
        local[worker].push(more);
        more = next;
      }
      return first;
    }
    Item* first = nullptr;
    return queue.steal_into(local[worker], &first) != 0 ? first : nullptr;
  }

  bool rob_others(unsigned worker, Item** first) { return local[1 - worker].steal_into(local[worker], first) != 0; }
  bool anything() const { return !queue.empty() || !injected.empty() || !local[0].empty() || !local[1].empty(); }

  void worker(unsigned self) {
    bool searching = false, saw_work = false;
    if (From == Start::Asleep) {
      words[self].sleep();
      searching = true;
    }
    for (;;) {
      if (!searching) searching = idle.begin_search();
      if (searching) {
        Item* item = find(self);
        if (item != nullptr || rob_others(self, &item)) {
          ++taken;
          if (idle.end_search()) wake_one();
          busy_for_ever();
        }
        if (saw_work) spin();  // a theft by somebody else is under way
        saw_work = false;
      }
      lock.lock();
      sleepers.push_back(self);
      searching ? idle.search_to_idle() : idle.add_idle();
      lock.unlock();
      searching = false;
      idle.look_again();
      if (anything()) {
        lock.lock();
        const bool still = std::erase(sleepers, self) != 0;
        if (still) idle.idle_to_search();
        lock.unlock();
        if (still) {
          searching = saw_work = true;
          continue;
        }
      }
      words[self].sleep();
      searching = true;
    }
  }

  void thread(unsigned self) override { self == 0 ? publisher() : worker(self - 1); }

  void finally() override {
    require(taken == kWorkers, "lost-wakeup");
    require(idle.view().idle == sleepers.size() && idle.view().searching == 0, "INV-IDLE1");
  }
};

// Planted: nobody orders the publication before the look at the idle word.
struct NoFence : sched::PusherFence {
  template <class Env>
  static void after_publish() {}
};

using enum Publisher;
using enum Start;

TEST_CASE("with the fence in the pusher no item is left while a P sleeps") {
  for (const Model model : {Model::Tso, Model::Weak}) {
    CHECK(explore<Idling<CheckedEnv, sched::PusherFence, Owner, Searching>>("idle, fence, from search", model).green());
    CHECK(explore<Idling<CheckedEnv, sched::PusherFence, Owner, Asleep>>("idle, fence, from sleep", model).green());
    CHECK(
        explore<Idling<CheckedEnv, sched::PusherFence, Foreign, Searching>>("idle, fence, injected", model, {.preemptions = 2, .delays = 1})
            .green());
  }
}

TEST_CASE("with the membarrier in the sleeper no item is left while a P sleeps") {
  for (const Model model : {Model::Tso, Model::Weak}) {
    CHECK(explore<Idling<CheckedEnv, sched::SleeperMembarrier, Owner, Searching>>("idle, membarrier, from search", model).green());
    CHECK(explore<Idling<FenceModeEnv, sched::SleeperMembarrier, Owner, Searching>>("idle, barrier=fence", model,
                                                                                    {.preemptions = 2, .delays = 1})
              .green());
    CHECK(explore<Idling<CheckedEnv, sched::SleeperMembarrier, Foreign, Asleep>>("idle, membarrier, injected", model).green());
  }
}

TEST_CASE("planted: the pusher has no fence") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<Idling<CheckedEnv, NoFence, Owner, Searching>>("planted: pusher without fence", model).red("lost-wakeup"));
}

TEST_CASE("planted: the sleeper issues no membarrier") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<Idling<NoMembarrierEnv, sched::SleeperMembarrier, Owner, Searching>>("planted: idle without membarrier", model)
              .red("lost-wakeup"));
}

}  // namespace
}  // namespace causeway::interleave
