// SPDX-License-Identifier: MIT
//
// Risk: pages never go back (memory stays at its peak), or pages go that are about to be used (each reuse faults), or pages of a stack
// in use go (a green thread's frames turn to zero).
#include "runtime/stack/scavenge.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "runtime/os/os.hpp"
#include "runtime/stack/pool.hpp"
#include "runtime/stack/residency.hpp"
#include "tests/cpp/stack/child.hpp"

using namespace causeway;
using stack::Stack;
using stack::StackClass;

namespace {

constexpr uint64_t kTick = 1000;

struct Touched {
  explicit Touched(uint32_t batch) {
    stack::PoolOptions options;
    options.slab_bytes = size_t{16} << 20;
    options.scavenge_interval_ns = kTick;
    options.scavenge_batch = batch;
    REQUIRE(pool.start(options).has_value());
  }
  ~Touched() { pool.check(); }

  // Binds n stacks and touches the top page and one in the middle of each.
  std::vector<Stack> bind(size_t n) {
    std::vector<Stack> stacks;
    for (size_t i = 0; i < n; ++i) {
      REQUIRE(pool.reserve(StackClass::k64K).has_value());
      const Stack one = pool.bind(StackClass::k64K);
      one.high[-1] = std::byte{1};
      one.low[one.bytes() / 2] = std::byte{1};
      stacks.push_back(one);
    }
    return stacks;
  }
  void release(const std::vector<Stack>& stacks) {
    for (const Stack& one : stacks) pool.release(one, StackClass::k64K);
  }
  // Calls the scavenger until it wants nothing more; the number of calls.
  unsigned run_scavenger() {
    unsigned calls = 1;
    while ((now = pool.scavenge(now)) != UINT64_MAX && calls < 1000) ++calls;
    now = last_now += 1'000'000 * kTick;
    return calls;
  }
  stack::Pool pool;
  uint64_t now = 1;
  uint64_t last_now = 1;
};

size_t with_pages(const std::vector<Stack>& stacks) {
  size_t n = 0;
  for (const Stack& one : stacks) n += stack::resident_bytes(one.low, one.bytes()) > 0;
  return n;
}

}  // namespace

TEST_CASE("the window remembers a peak for exactly its number of intervals") {
  stack::HighWaterWindow window;
  window.note(7);
  window.note(3);
  for (uint32_t i = 1; i < stack::HighWaterWindow::kIntervals; ++i) {
    window.next_interval(2);
    CHECK(window.peak() == 7);
  }
  window.next_interval(2);
  CHECK(window.peak() == 2);
}

TEST_CASE("warm stacks are kept up to the peak") {
  CHECK(stack::warm_excess(100, 20, 50) == 70);
  CHECK(stack::warm_excess(30, 20, 50) == 0);
  CHECK(stack::warm_excess(31, 20, 50) == 1);
  CHECK(stack::warm_excess(5, 50, 50) == 5);
  CHECK(stack::warm_excess(0, 0, 0) == 0);
}

TEST_CASE("pages of free stacks go back after the peak has left the window, not before, and those in use stay") {
  Touched touched(1000);
  const auto busy = touched.bind(10);
  const auto gone = touched.bind(200);
  CHECK(with_pages(gone) == 200);
  touched.release(gone);
  // The peak of 210 is in the window for its first kIntervals - 1 ticks.
  for (uint32_t i = 1; i < stack::HighWaterWindow::kIntervals; ++i) {
    CHECK(touched.pool.scavenge(i * kTick) == (i + 1) * kTick);
    CHECK(with_pages(gone) == 200);
  }
  touched.now = touched.last_now = 1'000'000;
  touched.run_scavenger();
  CHECK(with_pages(gone) == 0);
  CHECK(with_pages(busy) == 10);
  for (const Stack& one : busy) CHECK(one.high[-1] == std::byte{1});
  CHECK(touched.pool.stats().classes[1].scavenged == 200);
  CHECK(touched.pool.stats().classes[1].free_warm == 0);
  touched.release(busy);
}

TEST_CASE("one call returns no more than its batch") {
  // 100 stacks in batches of 30: 30, 60, 90, 100.
  Touched touched(30);
  const auto gone = touched.bind(100);
  touched.release(gone);
  for (uint32_t i = 0; i < stack::HighWaterWindow::kIntervals; ++i) touched.pool.scavenge(1 + i * kTick);
  CHECK(with_pages(gone) == 100);
  const uint64_t start = 100 * kTick;
  for (size_t i = 1; i <= 4; ++i) {
    touched.pool.scavenge(start + i * kTick);
    CHECK(with_pages(gone) == 100 - std::min<size_t>(30 * i, 100));
  }
}

TEST_CASE("a call before its time does nothing and says when to come") {
  Touched touched(1000);
  const auto gone = touched.bind(5);
  touched.release(gone);
  const uint64_t next = touched.pool.scavenge(50 * kTick);
  CHECK(next == 51 * kTick);
  for (int i = 0; i < 20; ++i) CHECK(touched.pool.scavenge(51 * kTick - 1) == next);
  CHECK(with_pages(gone) == 5);
}

TEST_CASE("stacks that are promised are not taken away, also when all pages are asked back") {
  Touched touched(1000);
  const auto gone = touched.bind(64);
  touched.release(gone);
  const auto free_now = touched.pool.stats().classes[1].free_warm + touched.pool.stats().classes[1].free_cold;
  for (uint64_t i = 0; i < free_now - 10; ++i) REQUIRE(touched.pool.reserve(StackClass::k64K).has_value());
  // 10 are promised to nobody: so many may be without their promise's backing at a time; all pages go all the same, by rounds.
  CHECK(touched.pool.release_all_free() == 64);
  CHECK(with_pages(gone) == 0);
  touched.pool.check();
  for (uint64_t i = 0; i < free_now - 10; ++i) touched.pool.unreserve(StackClass::k64K);
}

TEST_CASE("a stack whose pages went back reads as zeros and its guard still guards") {
  Touched touched(1000);
  const auto gone = touched.bind(3);
  touched.release(gone);
  CHECK(touched.pool.release_all_free() == 3);
  const auto again = touched.bind(1);
  CHECK(again[0].low[0] == std::byte{0});
  if (touched.pool.stats().guard != stack::GuardKind::Watch) {
    CHECK(stack_test::in_child([&] {
            static_cast<volatile std::byte*>(again[0].low)[-1] = std::byte{1};
            return true;
          }).faulted());
  }
  touched.release(again);
}
