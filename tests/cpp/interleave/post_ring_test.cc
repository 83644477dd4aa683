// SPDX-License-Identifier: MIT
//
// Ring of posts: two producers and two takers.
//
// Risk: a post that runs twice, never, half written, or in another order than its thread left it; more posts than the limit. Two cells are
// overtaken with the third post; a limit below the number of cells is the limit.
#include "runtime/sched/post_ring.hpp"

#include <doctest/doctest.h>

#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {
namespace {

void noop(void*) {}

template <uint32_t Cells, uint32_t Capacity, unsigned Posts, class Faults = sched::PostRingFaults>
struct Posting : Scenario {
  using Ring = sched::PostRing<CheckedEnv, Faults>;
  typename Ring::Cell cells[Cells];
  Ring ring;
  Plain<uint32_t> payload[2][Posts];
  unsigned taken[2][Posts] = {};
  unsigned last[2] = {};  // of one taker: numbers of each producer rise
  bool pushed[2][Posts] = {};
  int waiting = 0, taking = 0;  // a take that has gone through, and not said so yet, is one of those that take

  Posting() { ring.start(cells, Cells, Capacity); }
  unsigned threads() const override { return 3; }

  void take() {
    sched::Post post{};
    ++taking;
    const bool got = ring.take(&post);
    --taking;
    if (!got) return;
    --waiting;
    require(post.fn == &noop && post.arg != nullptr, "INV-PR1");
    const auto code = reinterpret_cast<uintptr_t>(post.arg) - 1;
    const auto producer = code / Posts, number = code % Posts;
    require(producer < 2, "INV-PR1");
    require(++taken[producer][number] == 1, "INV-PR1");
    require(payload[producer][number] == 1, "INV-PR1");
    require(number + 1 > last[producer], "out-of-order");
    last[producer] = static_cast<unsigned>(number) + 1;
  }

  void thread(unsigned self) override {
    if (self == 2) {
      take();
      take();
      return;
    }
    for (unsigned i = 0; i < Posts; ++i) {
      payload[self][i] = 1;
      pushed[self][i] = ring.push(sched::Post{&noop, reinterpret_cast<void*>(uintptr_t{self * Posts + i + 1})});
      if (!pushed[self][i]) continue;
      ++waiting;
      require(waiting <= static_cast<int>(Capacity) + taking, "INV-PR2");
    }
  }

  void finally() override {
    for (unsigned i = 0; i < Cells; ++i) take();
    require(ring.empty(), "INV-PR1");
    for (unsigned producer = 0; producer < 2; ++producer)
      for (unsigned i = 0; i < Posts; ++i) require(taken[producer][i] == (pushed[producer][i] ? 1u : 0u), "INV-PR1");
  }
};

// One producer, two takers, which may meet at one cell.
template <class Faults = sched::PostRingFaults>
struct TwoTakers : Scenario {
  using Ring = sched::PostRing<CheckedEnv, Faults>;
  typename Ring::Cell cells[2];
  Ring ring;
  Plain<uint32_t> payload[3];
  unsigned taken[3] = {};
  bool pushed[3] = {};

  TwoTakers() { ring.start(cells, 2, 2); }
  unsigned threads() const override { return 3; }
  void take() {
    sched::Post post{};
    if (!ring.take(&post)) return;
    require(post.fn == &noop && post.arg != nullptr, "INV-PR1");
    const auto number = reinterpret_cast<uintptr_t>(post.arg) - 1;
    require(++taken[number] == 1, "INV-PR1");
    require(payload[number] == 1, "INV-PR1");
  }
  void thread(unsigned self) override {
    if (self != 0) {
      take();
      return take();
    }
    for (unsigned i = 0; i < 3; ++i) {
      payload[i] = 1;
      pushed[i] = ring.push(sched::Post{&noop, reinterpret_cast<void*>(uintptr_t{i + 1})});
    }
  }
  void finally() override {
    take();
    take();
    for (unsigned i = 0; i < 3; ++i) require(taken[i] == (pushed[i] ? 1u : 0u), "INV-PR1");
  }
};

struct TurnFirst : sched::PostRingFaults {
  static constexpr bool kTurnFirst = true;
};
struct FreeFirst : sched::PostRingFaults {
  static constexpr bool kFreeFirst = true;
};
struct AllCells : sched::PostRingFaults {
  static constexpr bool kAllCells = true;
};

constexpr Model kModels[] = {Model::Tso, Model::Weak};

TEST_CASE("each post is taken once, in its thread's order, and never more wait than the limit") {
  for (const Model model : kModels) {
    CHECK(explore<Posting<2, 2, 2>>("post ring, two cells", model, {.preemptions = 2, .delays = 2}).green());
    CHECK(explore<Posting<2, 1, 2>>("post ring, limit 1", model, {.preemptions = 2, .delays = 1}).green());
    CHECK(explore<TwoTakers<>>("post ring, two takers", model, {.preemptions = 2, .delays = 2}).green());
  }
}

TEST_CASE("planted: a post is published before it is written") {
  for (const Model model : kModels) CHECK(explore<TwoTakers<TurnFirst>>("planted: post published early", model).red("INV-PR1"));
}

TEST_CASE("planted: a cell is free before its post is read") {
  for (const Model model : kModels) CHECK(explore<TwoTakers<FreeFirst>>("planted: cell freed early", model).red("INV-PR1"));
}

TEST_CASE("planted: only the cells limit the posts") {
  for (const Model model : kModels) CHECK(explore<Posting<2, 1, 2, AllCells>>("planted: all cells", model).red("INV-PR2"));
}

}  // namespace
}  // namespace causeway::interleave
