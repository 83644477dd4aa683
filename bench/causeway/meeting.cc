// SPDX-License-Identifier: MIT
//
// Rows yield, ping-pong and spawn-join: what green threads pay to take turns, to meet, to begin and to end.
//
// Isolated: the scheduler's own work, with warm stacks and records. Excluded: starting the runtime, and the growth of its caches
// (the trials before the counted run pay for that). The same loops are in bench/peers.
#include "bench/causeway/rows.hpp"

namespace bench {
namespace {

// Two green threads that do nothing but yield; one round is one yield.
void yields(std::uint64_t rounds) {
  const auto body = [half = rounds / 2] {
    for (std::uint64_t i = 0; i < half; ++i) { causeway::this_green::yield(); }
  };
  auto first = causeway::spawn(body);
  auto second = causeway::spawn(body);
  first.join();
  second.join();
}

// One round: a value goes to the other green thread and comes back, over two unbuffered channels.
void ping_pong(std::uint64_t rounds) {
  causeway::channel<std::uint64_t> there(0);
  causeway::channel<std::uint64_t> back(0);
  auto echo = causeway::spawn([&] {
    while (auto value = there.receive()) { back.send(*value); }
  });
  auto player = causeway::spawn([&] {
    for (std::uint64_t i = 0; i < rounds; ++i) {
      there.send(i);
      if (back.receive() != i) { std::abort(); }
    }
    there.close();
  });
  player.join();
  echo.join();
}

constexpr std::uint64_t kBatch = 1000;

// One round: one green thread started and joined, in batches of 1000, by a green thread.
void spawn_join(std::uint64_t rounds) {
  std::vector<causeway::task<void>> children;
  children.reserve(kBatch);
  for (std::uint64_t done = 0; done < rounds; done += kBatch) {
    for (std::uint64_t i = 0; i < kBatch; ++i) {
      children.push_back(causeway::spawn([] { asm volatile(""); }));
    }
    for (auto& child : children) { child.join(); }
    children.clear();
  }
}

}  // namespace

void yield_row(const Run& run) { measure_loop(run, yields, 2); }
void ping_pong_row(const Run& run) { measure_loop(run, ping_pong, 1); }
void spawn_join_row(const Run& run) { measure_loop(run, spawn_join, kBatch); }

}  // namespace bench
