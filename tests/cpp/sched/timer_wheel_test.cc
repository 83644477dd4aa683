// SPDX-License-Identifier: MIT
//
// The timer wheel by itself: never early, at most a tick late, whatever the distance.
//
// Risk: a node that is sorted into a slot behind the wheel's time waits a whole turn (hours), and a slot taken for another level's is
// early. So distances at both sides of each level's borders, times that are no round numbers, and a long random comparison with a sorted map.
#include "runtime/sched/timer_wheel.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace causeway::sched {
namespace {

constexpr uint64_t kTick = uint64_t{1} << TimerWheel::kTickShift;
constexpr uint64_t kSpanTicks = uint64_t{1} << (TimerWheel::kSlotBits * TimerWheel::kLevels);

// When, in ns, a wheel that is looked at whenever it says so gives the node out. 0: it never did within 10 000 looks.
uint64_t expiry_of(uint64_t start_ns, uint64_t deadline_ns) {
  TimerWheel wheel(start_ns);
  TimerNode node;
  node.deadline_ns = deadline_ns;
  wheel.add(node);
  for (int looks = 0; looks < 10'000; ++looks) {
    const uint64_t now = wheel.earliest_ns();
    if (now == kNoDeadline) return 0;
    if (TimerNode* due = wheel.expire_one(now)) return due == &node ? now : 0;
  }
  return 0;
}

}  // namespace

TEST_CASE("a node is due within the tick of its deadline, at every distance") {
  for (const uint64_t start : {uint64_t{0}, uint64_t{1}, kTick * 63, kTick * 64 - 1, uint64_t{123'456'789'012'345}}) {
    for (unsigned level = 0; level <= TimerWheel::kLevels; ++level) {
      for (const uint64_t slots : {1u, 2u, 31u, 62u, 63u, 64u}) {
        const uint64_t ticks = (uint64_t{1} << (TimerWheel::kSlotBits * level)) * slots;
        for (const uint64_t around : {kTick * ticks - 1, kTick * ticks, kTick * ticks + 1, kTick * (ticks - 1), kTick * (ticks + 1)}) {
          const uint64_t deadline = start + around;
          CAPTURE(start);
          CAPTURE(deadline);
          const uint64_t at = expiry_of(start, deadline);
          CHECK(at >= deadline);
          CHECK(at < deadline + kTick);
        }
      }
    }
  }
}

TEST_CASE("a deadline beyond the last level is kept, and not early") {
  const uint64_t far = kTick * kSpanTicks * 3 + 17;  // over half a year
  const uint64_t at = expiry_of(kTick * 1000 + 3, far);
  CHECK(at >= far);
  CHECK(at < far + kTick);
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
    node.deadline_ns = kTick * 500;  // all in one slot of the second level
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
        wheel.add(node);
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
        while (TimerNode* due = wheel.expire_one(now)) {
          REQUIRE(!due->armed);
          REQUIRE(due->deadline_ns <= now);
          auto [at, end] = expected.equal_range(due_tick(due->deadline_ns));
          while (at != end && at->second != due) ++at;
          REQUIRE(at != end);
          expected.erase(at);
        }
        REQUIRE((expected.empty() || expected.begin()->first > now / kTick));
      }
    }
    REQUIRE(wheel.size() == expected.size());
  }
}

}  // namespace causeway::sched
