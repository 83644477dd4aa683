// SPDX-License-Identifier: MIT
//
// The timer wheel by itself: never early, at most a tick late, whatever the distance, and nobody wakes only to sort.
//
// Risk: a node that is sorted into a slot behind the wheel's time waits a whole turn (hours), and a slot taken for another level's is
// early. So distances at both sides of each level's borders, times that are no round numbers, removals while a slot is half sorted, and a long
// random comparison with a sorted map.
#include "runtime/sched/timer_wheel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace causeway::sched {
namespace {

constexpr uint64_t kTick = uint64_t{1} << TimerWheel::kTickShift;

constexpr uint64_t width_of(unsigned level) { return kTick << (TimerWheel::kGrowBits * level); }

// When, in ns, a wheel that is looked at whenever it says so gives the node out. 0: not at the first look.
uint64_t expiry_of(uint64_t start_ns, uint64_t deadline_ns) {
  TimerWheel wheel(start_ns);
  TimerNode node;
  node.deadline_ns = deadline_ns;
  wheel.add(node);
  const uint64_t now = wheel.earliest_ns();
  return wheel.expire_one(now) == &node ? now : 0;
}

}  // namespace

TEST_CASE("a node is due within the tick of its deadline, at every distance, and at the first look") {
  for (const uint64_t start : {uint64_t{0}, uint64_t{1}, kTick * 7 - 1, kTick * 63, kTick * 64 - 1, uint64_t{123'456'789'012'345}}) {
    for (unsigned level = 0; level < TimerWheel::kLevels; ++level) {
      for (const uint64_t slots : {1u, 2u, 7u, 8u, 9u, 31u, 62u, 63u, 64u, 65u}) {
        if (slots > (UINT64_MAX - start) / width_of(level) - 1) continue;  // beyond 64 bits of ns
        const uint64_t distance = width_of(level) * slots;
        for (const uint64_t around : {distance - kTick, distance - 1, distance, distance + 1, distance + kTick}) {
          const uint64_t deadline = start + around;
          CAPTURE(start);
          CAPTURE(deadline);
          const uint64_t at = expiry_of(start, deadline);
          CHECK(at >= deadline);
          CHECK(at - deadline < kTick);
          CHECK(at == TimerWheel::due_ns(deadline));
        }
      }
    }
  }
}

TEST_CASE("deadlines up to the end of time are kept, and not early") {
  for (const uint64_t deadline : {kNoDeadline - 1, kNoDeadline - kTick, kNoDeadline - 2 * kTick, kNoDeadline / 2, kNoDeadline / 2 + 1}) {
    CAPTURE(deadline);
    TimerWheel wheel(kTick * 1000 + 3);
    TimerNode node;
    node.deadline_ns = deadline;
    wheel.add(node);
    CHECK(wheel.earliest_ns() >= deadline - kTick + 1);
    CHECK(wheel.earliest_ns() < kNoDeadline);  // which says that there is none
    CHECK(wheel.expire_one(deadline - kTick) == nullptr);
    CHECK(node.armed);
    wheel.remove(node);
    CHECK(wheel.earliest_ns() == kNoDeadline);
  }
}

TEST_CASE("a deadline in the past is due at once") {
  TimerWheel wheel(1'000'000'000);
  TimerNode node;
  node.deadline_ns = 5;
  wheel.add(node);
  CHECK(wheel.expire_one(1'000'000'000) == &node);
  CHECK(wheel.empty());
}

TEST_CASE("a removed node never comes, and its neighbours do") {
  TimerWheel wheel(0);
  std::vector<TimerNode> nodes(100);
  for (auto& node : nodes) {
    node.deadline_ns = kTick * 500;  // all in one slot of the third level
    wheel.add(node);
  }
  for (size_t i = 0; i < nodes.size(); i += 2) wheel.remove(nodes[i]);
  CHECK(wheel.size() == 50);
  CHECK(wheel.expire_one(kTick * 499) == nullptr);
  size_t seen = 0;
  while (TimerNode* node = wheel.expire_one(kTick * 500)) {
    CHECK((node - nodes.data()) % 2 == 1);
    CHECK_FALSE(node->armed);
    ++seen;
  }
  CHECK(seen == 50);
  CHECK(wheel.earliest_ns() == kNoDeadline);
}

TEST_CASE("a wheel that was not looked at for long gives everything out that is due, and nothing else") {
  TimerWheel wheel(0);
  std::vector<TimerNode> nodes(1000);
  for (size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].deadline_ns = kTick * i * 977;
    wheel.add(nodes[i]);
  }
  const uint64_t now = kTick * 977 * 600;
  size_t due = 0;
  while (TimerNode* node = wheel.expire_one(now)) {
    CHECK(node->deadline_ns <= now);
    ++due;
  }
  CHECK(due == 601);
  CHECK(wheel.size() == 399);
  CHECK(wheel.earliest_ns() <= kTick * 977 * 601);
  CHECK(wheel.earliest_ns() > now);
}

TEST_CASE("the earliest deadline is known exactly while nothing is removed, and is a lower bound afterwards") {
  TimerWheel wheel(kTick * 11);
  std::vector<TimerNode> nodes(64);
  uint64_t earliest = kNoDeadline;
  // Later and earlier ones in turn, from seconds to minutes, several to a slot.
  for (size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].deadline_ns = 60'000'000'000 - i * 900'000'000 + (i % 3) * 700'000'000;
    wheel.add(nodes[i]);
    earliest = std::min(earliest, TimerWheel::due_ns(nodes[i].deadline_ns));
    CHECK(wheel.earliest_ns() == earliest);
  }
  while (!wheel.empty()) {
    const uint64_t now = wheel.earliest_ns();
    TimerNode* due = wheel.expire_one(now);
    REQUIRE(due != nullptr);  // nobody wakes in vain
    CHECK(TimerWheel::due_ns(due->deadline_ns) == now);
  }
  wheel.add(nodes[0]);
  wheel.add(nodes[1]);
  const uint64_t first = wheel.earliest_ns();
  wheel.remove(nodes[0].deadline_ns < nodes[1].deadline_ns ? nodes[0] : nodes[1]);
  CHECK(wheel.earliest_ns() >= first);
  CHECK(wheel.earliest_ns() <= TimerWheel::due_ns(std::max(nodes[0].deadline_ns, nodes[1].deadline_ns)));
}

TEST_CASE("one look sorts no more nodes than it may, and what is added or removed in between is not lost") {
  constexpr uint32_t kSorts = 10;
  TimerWheel wheel(0);
  std::vector<TimerNode> nodes(1000);
  const uint64_t start = width_of(4) * 40;  // of a slot that is all theirs
  for (size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].deadline_ns = start + (i * 37 % 1000) * kTick;
    wheel.add(nodes[i]);
  }
  // All at one time, so that only sorting has to be waited for.
  const uint64_t now = start + 1000 * kTick;
  TimerNode added;
  size_t looks = 0;
  size_t removed = 0;
  size_t seen = 0;
  uint64_t last = 0;
  while (!wheel.empty()) {
    uint32_t sorts = kSorts;
    if (TimerNode* due = wheel.expire_one(now, &sorts)) {
      CHECK(due->deadline_ns >= last);  // in the order of ticks, although all are late
      last = due->deadline_ns;
      ++seen;
      continue;
    }
    REQUIRE(sorts == 0);  // not done: nothing is due for another reason
    ++looks;
    CHECK(wheel.earliest_ns() <= now);
    if (looks == 3) {
      added.deadline_ns = start + 5 * kTick;  // before much of what the half sorted slot still holds
      wheel.add(added, now);
    }
    // Whatever still waits, from the front and from the back, sorted or not.
    if (TimerNode& node = nodes[looks * 7 % nodes.size()]; node.armed) {
      wheel.remove(node);
      ++removed;
    }
  }
  CHECK(seen + removed == nodes.size() + 1);
  CHECK(removed > 50);
  CHECK(looks > nodes.size() / kSorts / 2);
  CHECK_FALSE(added.armed);
}

TEST_CASE("a wheel that nobody looked at for long takes the time over from who arms a timer") {
  TimerWheel wheel(0);
  constexpr uint64_t kHour = 3'600'000'000'000;
  TimerNode far, near, hour;
  far.deadline_ns = 3 * kHour;
  wheel.add(far);
  hour.deadline_ns = kHour + 1;
  wheel.add(hour);  // its slot has begun when the next one comes, and must not be passed
  near.deadline_ns = kHour + 100 * kTick;
  wheel.add(near, kHour);
  CHECK(near.level <= 1);  // as if the wheel had been looked at
  CHECK(wheel.earliest_ns() == TimerWheel::due_ns(kHour + 1));
  CHECK(wheel.expire_one(kHour) == nullptr);
  CHECK(wheel.expire_one(kHour + kTick) == &hour);
  CHECK(wheel.expire_one(kHour + 100 * kTick) == &near);
  CHECK(wheel.expire_one(3 * kHour + kTick) == &far);
}

TEST_CASE("random adds, removes and looks agree with a sorted map") {
  uint64_t seed = std::random_device{}();
  if (const char* given = std::getenv("CAUSEWAY_TEST_SEED")) seed = std::strtoull(given, nullptr, 10);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  uint64_t now = random() >> (8 + random() % 40);
  TimerWheel wheel(now);
  std::multimap<uint64_t, TimerNode*> expected;  // by the tick at which it is due
  std::vector<std::unique_ptr<TimerNode>> nodes;
  for (int i = 0; i < 300; ++i) nodes.push_back(std::make_unique<TimerNode>());
  const auto due_tick = [](uint64_t ns) { return (ns + kTick - 1) / kTick; };
  for (int step = 0; step < 200'000; ++step) {
    TimerNode& node = *nodes[random() % nodes.size()];
    switch (random() % 4) {
      case 0:
      case 1:
        if (node.armed) break;
        node.deadline_ns = now + (random() >> (14 + random() % 50));  // any magnitude up to 2^50 ns
        wheel.add(node, random() % 2 == 0 ? now : 0);
        expected.emplace(due_tick(node.deadline_ns), &node);
        break;
      case 2:
        if (!node.armed) break;
        wheel.remove(node);
        for (auto [at, end] = expected.equal_range(due_tick(node.deadline_ns)); at != end; ++at) {
          if (at->second != &node) continue;
          expected.erase(at);
          break;
        }
        break;
      default: {
        // To the next slot as a sleeper would, or any distance as a late one.
        const uint64_t earliest = wheel.earliest_ns();
        if (!expected.empty()) REQUIRE(earliest <= expected.begin()->first * kTick);
        REQUIRE((earliest == kNoDeadline) == expected.empty());
        if (random() % 2 == 0 && earliest != kNoDeadline && earliest > now) now = earliest;
        else now += random() >> (20 + random() % 44);
        // Now and then with little sorting at a time, and given up half way: what is due comes with a later look.
        const bool give_up = random() % 8 == 0;
        for (;;) {
          uint32_t sorts = give_up ? static_cast<uint32_t>(random() % 3) : UINT32_MAX;
          TimerNode* due = wheel.expire_one(now, &sorts);
          if (due == nullptr) break;
          REQUIRE(!due->armed);
          REQUIRE(due->deadline_ns <= now);
          auto [at, end] = expected.equal_range(due_tick(due->deadline_ns));
          while (at != end && at->second != due) ++at;
          REQUIRE(at != end);
          expected.erase(at);
        }
        if (!give_up) REQUIRE((expected.empty() || expected.begin()->first > now / kTick));
      }
    }
    REQUIRE(wheel.size() == expected.size());
  }
}

}  // namespace causeway::sched
