// SPDX-License-Identifier: MIT
//
// Rows buffered, buffered-many and select: what a value costs that goes through a channel with room, and through one of four.
//
// Isolated: one send and one receive, with the waits that an empty or a full channel brings. Excluded: starting the green threads
// (once per run, not per round). The same loops are in bench/peers/go/channels.go.
#include "bench/causeway/rows.hpp"

namespace bench {
namespace {

constexpr std::size_t kRoom = 128;

// `count` producers send `rounds` values to as many consumers, through one channel with room for 128.
void through_room(std::uint64_t count, std::uint64_t rounds) {
  causeway::channel<std::uint64_t> channel(kRoom);
  std::vector<causeway::task<std::uint64_t>> consumers;
  for (std::uint64_t i = 0; i < count; ++i) {
    consumers.push_back(causeway::spawn([&] {
      std::uint64_t taken = 0;
      while (channel.receive()) { ++taken; }
      return taken;
    }));
  }
  in_shares(count, rounds, [&](std::uint64_t share) {
    for (std::uint64_t i = 0; i < share; ++i) { channel.send(i); }
  });
  channel.close();
  for (auto& consumer : consumers) { rounds -= consumer.join(); }
  if (rounds != 0) { std::abort(); }
}

constexpr std::uint64_t kMany = 8;

constexpr std::size_t kCases = 4;

// One round: a value comes out of a select over four channels without room, to which one producer sends in turn. The receiver waits in
// all four and is found through one.
void select_of_four(std::uint64_t rounds) {
  causeway::channel<std::uint64_t> channels[kCases];
  auto producer = causeway::spawn([&] {
    for (std::uint64_t i = 0; i < rounds; ++i) { channels[i % kCases].send(i); }
  });
  std::uint64_t sum = 0;
  const auto add = [&](std::optional<std::uint64_t> value) { sum += *value; };
  for (std::uint64_t i = 0; i < rounds; ++i) {
    causeway::select(causeway::on_receive(channels[0], add), causeway::on_receive(channels[1], add), causeway::on_receive(channels[2], add),
                     causeway::on_receive(channels[3], add));
  }
  producer.join();
  if (sum != rounds * (rounds - 1) / 2) { std::abort(); }
}

void buffered(std::uint64_t rounds) { through_room(1, rounds); }
void buffered_many(std::uint64_t rounds) { through_room(kMany, rounds); }

}  // namespace

void buffered_row(const Run& run) { measure_loop(run, buffered, 1); }
void buffered_many_row(const Run& run) { measure_loop(run, buffered_many, kMany); }
void select_row(const Run& run) { measure_loop(run, select_of_four, 1); }

}  // namespace bench
