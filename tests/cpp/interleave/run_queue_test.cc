// SPDX-License-Identifier: MIT
//
// Run queue and theft: one owner that pushes, pops and drains, two thieves with rings of their own.
//
// Risk: an item that runs twice, never, or before its fields are visible. Capacity 2 wraps with the third push and has
// no room to forgive; 4 lets a theft carry more than one item. Thieves rob each other too.
#include "runtime/sched/run_queue.hpp"

#include <doctest/doctest.h>

#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {
namespace {

struct Item {
  Plain<uint32_t> payload;
  unsigned taken = 0;
};

template <uint32_t Capacity, unsigned Pushes, class Faults = sched::RunQueueFaults>
struct Theft : Scenario {
  using Queue = sched::RunQueue<Item, Capacity, CheckedEnv, Faults>;
  Queue queues[3];
  Item items[Pushes];

  unsigned threads() const override { return 3; }

  void take(Item* item) {
    require(item != nullptr, "INV-RQ2");
    require(item->taken == 0, "double-ownership");
    ++item->taken;
    require(item->payload == 1, "INV-RQ2");
  }

  void owner_invariants() {
    const auto now = queues[0].view();
    require(now.claim - now.commit <= Capacity && now.tail - now.claim <= Capacity, "INV-RQ1");
    require(now.tail - now.commit <= Capacity, "INV-RQ1");
  }

  void owner() {
    for (unsigned i = 0; i < Pushes; ++i) {
      items[i].payload = 1;
      if (!queues[0].push(&items[i])) {
        Item* out[Capacity];
        const uint32_t count = queues[0].drain_half(out, Capacity);
        for (uint32_t k = 0; k < count; ++k) take(out[k]);
        take(&items[i]);  // as if it went to the global queue
      }
      owner_invariants();
      if (i % 2 == 1)
        if (Item* item = queues[0].pop()) take(item);
    }
  }

  void thief(unsigned self) {
    // The second thief robs the first one too.
    for (unsigned victim = 0; victim < self; ++victim) {
      Item* first = nullptr;
      if (queues[victim].steal_into(queues[self], &first) != 0) take(first);
    }
    if (Item* item = queues[self].pop()) take(item);
  }

  void thread(unsigned self) override { self == 0 ? owner() : thief(self); }

  void finally() override {
    for (Queue& queue : queues) {
      const auto now = queue.view();
      require(now.claim == now.commit, "INV-RQ3");
      while (Item* item = queue.pop()) take(item);
    }
    for (const Item& item : items) require(item.taken == 1, "lost-item");
  }
};

struct PublishTailFirst : sched::RunQueueFaults {
  static constexpr bool kPublishTailFirst = true;
};
struct OneStepTheft : sched::RunQueueFaults {
  static constexpr bool kOneStepTheft = true;
};

TEST_CASE("every item is taken exactly once, whoever robs whom") {
  for (const Model model : {Model::Tso, Model::Weak}) {
    CHECK(explore<Theft<2, 4>>("run queue, capacity 2", model, {.preemptions = 2, .delays = 2}).green());
    CHECK(explore<Theft<4, 6>>("run queue, capacity 4", model, {.preemptions = 2, .delays = 1}).green());
  }
}

TEST_CASE("planted: the ring index is published before the slot") {
  // Within the first lap: an unwritten slot is empty, and does not look like an item of the lap before.
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<Theft<4, 4, PublishTailFirst>>("planted: index published early", model).red("INV-RQ2"));
}

TEST_CASE("planted: a theft frees its slots before it has read them") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<Theft<2, 4, OneStepTheft>>("planted: theft in one step", model).red("double-ownership"));
}

}  // namespace
}  // namespace causeway::interleave
