// SPDX-License-Identifier: MIT
//
// Run queue on real threads: order, limits, and an owner against two thieves.
//
// Risk: what one thread cannot show. Every order of few steps is the interleaving checker's work; here are the ring at
// its full size, counters that wrap, and many laps. 256 slots, 40 laps: each slot is reused often, in well under a second.
#include "runtime/sched/run_queue.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <thread>
#include <vector>

namespace causeway::sched {
namespace {

struct Item {
  std::atomic<uint32_t> taken{0};
  uint32_t payload = 0;  // plain: published by the queue
};
using Queue = RunQueue<Item, 256>;

TEST_CASE("items come out in the order in which they went in, solo or not") {
  for (const bool solo : {false, true}) {
    Queue queue(solo);
    std::vector<Item> items(1000);
    CHECK(queue.pop() == nullptr);
    size_t in = 0, out = 0;
    while (out < items.size()) {  // 3 in, 2 out: it fills up and drains over several laps
      for (int i = 0; i < 3 && in < items.size(); ++i)
        if (queue.push(&items[in])) ++in;
      for (int i = 0; i < 2; ++i)
        if (Item* item = queue.pop()) {
          CHECK(item == &items[out]);
          ++out;
        }
      CHECK(queue.size() == in - out);
    }
    CHECK(queue.empty());
  }
}

TEST_CASE("a full ring refuses, half of it can be drained, and then there is room again") {
  Queue queue;
  std::vector<Item> items(Queue::kCapacity + 1);
  for (uint32_t i = 0; i < Queue::kCapacity; ++i) CHECK(queue.push(&items[i]));
  CHECK_FALSE(queue.push(&items[Queue::kCapacity]));
  CHECK(queue.size() == Queue::kCapacity);
  Item* out[Queue::kCapacity];
  CHECK(queue.drain_half(out, 3) == 3);
  CHECK(queue.drain_half(out + 3, Queue::kCapacity) == Queue::kCapacity / 2);
  for (uint32_t i = 0; i < 3 + Queue::kCapacity / 2; ++i) CHECK(out[i] == &items[i]);
  CHECK(queue.push(&items[Queue::kCapacity]));
  CHECK(queue.pop() == &items[3 + Queue::kCapacity / 2]);
}

TEST_CASE("a theft takes the older half, gives the oldest, and leaves the thief room") {
  Queue victim, thief;
  std::vector<Item> items(400);
  Item* first = nullptr;
  CHECK(victim.steal_into(thief, &first) == 0);
  for (uint32_t i = 0; i < 7; ++i) victim.push(&items[i]);
  CHECK(victim.steal_into(thief, &first) == 4);
  CHECK(first == &items[0]);
  CHECK(thief.size() == 3);
  for (uint32_t i = 1; i < 4; ++i) CHECK(thief.pop() == &items[i]);
  CHECK(victim.pop() == &items[4]);

  for (uint32_t i = 0; i <= Queue::kCapacity / 2; ++i) thief.push(&items[10 + i]);
  CHECK(victim.steal_into(thief, &first) == 0);  // more than half full: it robs nobody
  CHECK(thief.pop() != nullptr);
  CHECK(victim.steal_into(thief, &first) == 1);
}

TEST_CASE("an owner and two thieves take every item exactly once, with its payload") {
  constexpr uint32_t kItems = 256 * 40;
  auto queues = std::make_unique<Queue[]>(3);
  std::vector<Item> items(kItems);
  std::atomic<uint32_t> taken{0}, wrong{0};
  const auto take = [&](Item* item) {
    if (item->payload != 42 || item->taken.fetch_add(1, std::memory_order_relaxed) != 0) wrong.fetch_add(1);
    taken.fetch_add(1, std::memory_order_release);
  };
  std::vector<std::thread> thieves;
  for (uint32_t self : {1u, 2u}) {
    thieves.emplace_back([&, self] {
      while (taken.load(std::memory_order_acquire) < kItems) {
        Item* first = nullptr;
        const uint32_t victim = self == 2 && queues[0].empty() ? 1 : 0;
        if (queues[victim].steal_into(queues[self], &first) != 0) take(first);
        while (Item* item = queues[self].pop()) take(item);
        std::this_thread::yield();
      }
    });
  }
  for (uint32_t i = 0; i < kItems; ++i) {
    items[i].payload = 42;
    while (!queues[0].push(&items[i])) {
      Item* out[Queue::kCapacity / 2];
      const uint32_t count = queues[0].drain_half(out, 16);
      for (uint32_t k = 0; k < count; ++k) take(out[k]);
      if (count == 0) std::this_thread::yield();
    }
    if (i % 3 == 0)
      if (Item* item = queues[0].pop()) take(item);
  }
  while (Item* item = queues[0].pop()) take(item);
  for (std::thread& thief : thieves) thief.join();
  CHECK(taken.load() == kItems);
  CHECK(wrong.load() == 0);
}

}  // namespace
}  // namespace causeway::sched
