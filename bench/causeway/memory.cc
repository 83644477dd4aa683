// SPDX-License-Identifier: MIT
//
// Rows parked and churn: what green threads that wait cost, and whether those that are gone leave anything behind.
//
// Bytes are VmRSS + VmPTE of /proc/self/status: page tables are the part that stacks add and that resident size hides.
#include "bench/causeway/rows.hpp"

#include <atomic>

namespace bench {

// Starts 1 000 000 green threads that all wait for one event. Timed until each has run to its wait, that is, has its stack.
void parked_row(const Run& run) {
  const std::int64_t count = run.smoke ? 2'000 : 1'000'000;
  causeway::runtime runtime{options_of(run)};
  double ns = 0;
  double bytes = 0;
  on_green([&] {
    causeway::event event{causeway::manual_reset};
    std::atomic<std::int64_t> started{0};
    std::atomic<std::int64_t> ended{0};
    const std::uint64_t before = resident_bytes();
    const std::uint64_t start = now_ns();
    for (std::int64_t i = 0; i < count; ++i) {
      causeway::go([&] {
        // relaxed: a counter of arrivals; what they did is not read.
        started.fetch_add(1, std::memory_order_relaxed);
        event.wait();
        // release: the last use of `event`; pairs with the acquire below, before which it must not be destroyed.
        ended.fetch_add(1, std::memory_order_release);
      });
    }
    while (started.load(std::memory_order_relaxed) != count) { causeway::this_green::yield(); }
    ns = static_cast<double>(now_ns() - start) / static_cast<double>(count);
    bytes = static_cast<double>(resident_bytes() - before) / static_cast<double>(count);
    event.set();
    while (ended.load(std::memory_order_acquire) != count) { causeway::this_green::yield(); }
  });
  print(run, "causeway", ns, bytes);
}

// Spawns and ends 10 000 000 green threads, 100 alive at any time. Bytes: the largest growth of resident memory over its value
// when a hundredth of them was spawned, looked at a hundred times.
void churn_row(const Run& run) {
  const std::uint64_t count = run.smoke ? 20'000 : 10'000'000;
  constexpr std::size_t kAlive = 100;
  causeway::runtime runtime{options_of(run)};
  double ns = 0;
  std::uint64_t at_first = 0;
  std::uint64_t largest = 0;
  on_green([&] {
    const auto body = [] { causeway::this_green::yield(); };
    std::vector<causeway::task<void>> alive;
    for (std::size_t i = 0; i < kAlive; ++i) { alive.push_back(causeway::spawn(body)); }
    const std::uint64_t start = now_ns();
    for (std::uint64_t i = kAlive + 1; i <= count; ++i) {
      auto& oldest = alive[i % kAlive];
      oldest.join();
      oldest = causeway::spawn(body);
      if (i % (count / 100) == 0) {
        const std::uint64_t now = resident_bytes();
        if (i == count / 100) { at_first = now; }
        largest = std::max(largest, now);
      }
    }
    for (auto& task : alive) { task.join(); }
    ns = static_cast<double>(now_ns() - start) / static_cast<double>(count - kAlive);
  });
  print(run, "causeway", ns, static_cast<double>(largest - at_first));
}

}  // namespace bench
