// SPDX-License-Identifier: MIT
//
// Selects of every shape over the same few channels, beside plain sends and receives, by green and plain threads, with deadlines, stop
// requests and green threads that are asked to stop; 1, 2 and 4 processors in turn.
//
// Risk: what only meets in a mix, such as a stop request while a second select takes the first one's item on another processor. The sums at
// the end tell: what was sent was received or is still inside, and nobody is left in a channel (its end would stop the process).
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "tests/cpp/stress/stress.hpp"

namespace {

using namespace stress;
using causeway::after;
using causeway::on_receive;
using causeway::on_send;
using causeway::on_stop;
using causeway::when;

// Travels in a box: its move may throw.
struct Boxed {
  explicit Boxed(uint32_t v) : value(v) {}
  Boxed(const Boxed&) = delete;
  Boxed(Boxed&& other) noexcept(false) : value(std::exchange(other.value, 0)) {}
  uint32_t value;
};

struct World {
  std::atomic<bool> over{false};
  std::atomic<uint64_t> next_party{0};
  std::atomic<int64_t> sent{0}, received{0};
  std::atomic<uint64_t> chosen[8] = {};
  causeway::channel<uint32_t> meet[2] = {causeway::channel<uint32_t>(0), causeway::channel<uint32_t>(0)};
  causeway::channel<uint32_t> ring{4};
  causeway::channel<Boxed> boxes{1};
};

void act(World& world, Random& random, const std::stop_token& stop) {
  const uint32_t shape = random.below(256);
  const uint32_t value = 1 + random.below(1000);
  uint32_t a = value, b = value;
  Boxed boxed(value);
  const auto got = [&](std::optional<uint32_t> item) { world.received += *item; };
  const auto gone = [&](bool good) {
    require(good, "a channel is closed that nobody closed");
    world.sent += value;
  };
  const size_t which =
      causeway::select(when((shape & 1) != 0, on_receive(world.meet[0], got)), when((shape & 2) != 0, on_send(world.meet[0], a, gone)),
                       when((shape & 4) != 0, on_send(world.meet[1], b, gone)), when((shape & 8) != 0, on_receive(world.ring, got)),
                       when((shape & 16) != 0, on_receive(world.boxes, [&](std::optional<Boxed> item) { world.received += item->value; })),
                       when((shape & 32) != 0, on_send(world.boxes, boxed, gone)),
                       after(std::chrono::microseconds(random.below(200)), [] {}), when((shape & 64) != 0, on_stop(stop, [] {})));
  ++world.chosen[which];
  require(which == 5 || boxed.value == value, "an item was moved though its case was not chosen");
}

void plain(World& world, Random& random) {
  const auto timeout = std::chrono::microseconds(random.below(200));
  uint32_t value = 1 + random.below(1000);
  auto& channel = random.below(2) == 0 ? world.meet[1] : world.ring;
  if (random.below(2) == 0) {
    if (channel.send_for(value, timeout) == CW_OK) world.sent += value;
  } else if (const auto item = channel.receive_for(timeout); item.has_value()) {
    world.received += *item;
  }
}

void party(World& world, uint64_t seed, const std::stop_token& stop, unsigned steps) {
  Random random(seed + ++world.next_party);
  try {
    for (unsigned i = 0; i < steps && !world.over && !stop.stop_requested(); ++i) {
      if (random.below(4) == 0) plain(world, random);
      else act(world, random, stop);
    }
  } catch (const causeway::error& e) { require(e.status() == CW_E_CANCELLED, "an error other than a cancellation:", e.what()); }
}

void run(uint64_t seed, unsigned processors, Clock::duration time) {
  causeway::runtime runtime(causeway::options{.processors = processors});
  World world;
  const auto end = Clock::now() + time;
  {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 2; ++i)
      threads.emplace_back([&] {
        while (!world.over) party(world, seed, {}, 100);
      });
    while (Clock::now() < end) {
      std::vector<causeway::task<void>> greens;
      for (unsigned i = 0; i < 8; ++i)
        greens.push_back(causeway::spawn([&](const std::stop_token& stop) { party(world, seed, stop, 100); }));
      for (size_t i = 0; i < greens.size(); i += 2) greens[i].request_stop();
      for (auto& green : greens) green.join();
    }
    world.over = true;
    for (auto& thread : threads) thread.join();
  }
  while (const auto item = world.ring.try_receive()) world.received += *item;
  while (auto item = world.boxes.try_receive()) world.received += item->value;
  require(world.sent == world.received, "what was sent is not what was received");
  require(runtime.stop(20s) == CW_OK, "the runtime did not stop:", cw_last_error());
  std::printf("%u processors:", processors);
  for (const auto& count : world.chosen) std::printf(" %llu", static_cast<unsigned long long>(count.load()));
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t seed = seed_of(argc, argv);
  const Watchdog watchdog;
  for (const unsigned processors : {1u, 2u, 4u}) run(seed + processors, processors, time_box() / 4);
  return 0;
}
