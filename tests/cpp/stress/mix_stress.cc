// SPDX-License-Identifier: MIT
//
// Everything at once: green and plain threads that spawn, join, detach, yield, sleep, send, receive, lock, wait and ask each other to stop,
// with 1, 2, 4 and 8 processors in turn.
//
// Risk: what only meets in a mix, such as a stop request in the middle of a send whose receiver times out while its P is stolen. The
// counts at the end tell: every spawned body ran and ended, what was sent was received or is known to be lost, no counter under a
// mutex lost an addition, and nothing is left in the runtime.
#include <memory>
#include <vector>

#include "tests/cpp/stress/stress.hpp"

namespace {

using namespace stress;

struct World {
  explicit World(uint64_t seed_) : seed(seed_) {}
  const uint64_t seed;
  std::atomic<uint64_t> next_party{0};
  std::atomic<bool> over{false};
  std::atomic<uint64_t> bodies_begun{0}, bodies_ended{0};
  std::atomic<int64_t> sent{0}, received{0};  // sums of the values
  causeway::channel<uint32_t> channels[3] = {causeway::channel<uint32_t>(0), causeway::channel<uint32_t>(1),
                                             causeway::channel<uint32_t>(16)};
  causeway::mutex mutexes[3];
  uint64_t guarded[3] = {0, 0, 0};  // by the mutex of the same number
  std::atomic<uint64_t> guarded_sum{0};
  causeway::event events[3];
};

struct Body {
  explicit Body(World& w) : world(w) { ++world.bodies_begun; }
  ~Body() { ++world.bodies_ended; }
  World& world;
};

void act(World& world, Random& random, unsigned depth);

void party(World& world, unsigned depth, unsigned steps) {
  const Body body(world);
  Random random(world.seed + ++world.next_party);
  try {
    for (unsigned i = 0; i < steps && !world.over; ++i) act(world, random, depth);
  } catch (const causeway::error& e) { require(e.status() == CW_E_CANCELLED, "an error other than a cancellation:", e.what()); }
}

void channels(World& world, Random& random) {
  auto& channel = world.channels[random.below(3)];
  const auto timeout = std::chrono::microseconds(random.below(300));
  uint32_t value = 1 + random.below(1000);
  switch (random.below(4)) {
    case 0:
      if (channel.send_for(value, timeout) == CW_OK) world.sent += value;
      break;
    case 1:
      if (const auto item = channel.receive_for(timeout); item.has_value()) world.received += *item;
      break;
    case 2:
      if (channel.try_send(value) == CW_OK) world.sent += value;
      break;
    default:
      if (const auto item = channel.try_receive(); item.has_value()) world.received += *item;
  }
}

void locks(World& world, Random& random) {
  const uint32_t which = random.below(3);
  causeway::mutex& mutex = world.mutexes[which];
  switch (random.below(3)) {
    case 0: mutex.lock(); break;
    case 1:
      if (!mutex.try_lock()) return;
      break;
    default:
      if (!mutex.try_lock_for(std::chrono::microseconds(random.below(100)))) return;
  }
  const uint64_t before = world.guarded[which];
  if (random.below(8) == 0) causeway::this_green::yield();
  world.guarded[which] = before + 1;
  mutex.unlock();
  ++world.guarded_sum;
}

void families(World& world, Random& random, unsigned depth) {
  const unsigned children = 1 + random.below(4);
  if (random.below(3) == 0) {  // a wait group and detached ones
    causeway::wait_group group;
    group.add(children);
    for (unsigned i = 0; i < children; ++i)
      causeway::go([&world, &group, depth] {
        struct Done {
          causeway::wait_group& group;
          ~Done() { group.done(); }
        } done{group};
        party(world, depth + 1, 5);
      });
    group.wait();
    return;
  }
  std::vector<causeway::task<uint32_t>> tasks;
  for (unsigned i = 0; i < children; ++i) {
    causeway::spawn_options options;
    if (random.below(4) == 0) options.name = "child";
    if (random.below(16) == 0) options.locked = true;
    if (random.below(8) == 0) options.stack_size = 256 * 1024;
    tasks.push_back(causeway::spawn(options, [&world, depth, i] {
      party(world, depth + 1, 8);
      return i;
    }));
  }
  for (unsigned i = 0; i < children; ++i) {
    switch (random.below(5)) {
      case 0: tasks[i].request_stop(); break;  // and its destructor
      case 1: tasks[i].detach(); break;
      case 2: static_cast<void>(tasks[i].try_join_for(std::chrono::microseconds(random.below(200)))); break;
      case 3: tasks[i].request_stop(); [[fallthrough]];
      default: require(tasks[i].join() == i, "a task's result is another one's");
    }
  }
}

void act(World& world, Random& random, unsigned depth) {
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2: channels(world, random); break;
    case 3:
    case 4: locks(world, random); break;
    case 5: world.events[random.below(3)].set(); break;
    case 6: static_cast<void>(world.events[random.below(3)].wait_for(std::chrono::microseconds(random.below(300)))); break;
    case 7:
      if (depth < 4) families(world, random, depth);
      break;
    case 8: causeway::this_green::sleep_for(std::chrono::microseconds(random.below(200))); break;
    default: causeway::this_green::yield();
  }
}

void run(uint64_t seed, unsigned processors, Clock::duration time) {
  causeway::options options;
  options.processors = processors;
  causeway::runtime runtime(options);
  World world(seed);
  const auto keep_going = [&world](unsigned steps) {
    while (!world.over) party(world, 0, steps);
  };
  {
    std::vector<std::thread> threads;
    std::vector<causeway::task<void>> greens;
    for (unsigned i = 0; i < 3; ++i) threads.emplace_back(keep_going, 50);
    for (unsigned i = 0; i < 8; ++i) greens.push_back(causeway::spawn([&] { keep_going(50); }));
    std::this_thread::sleep_for(time);  // the time box, not a wait for something
    world.over = true;
    for (auto& thread : threads) thread.join();
    for (auto& green : greens) green.join();
  }
  // The detached ones that are still on their way use `world`.
  const auto limit = Clock::now() + 20s;
  while (causeway::stats().greens != 0) {
    require(Clock::now() < limit, "green threads are left", "");
    std::this_thread::yield();
  }
  for (auto& channel : world.channels)
    while (const auto item = channel.try_receive()) world.received += *item;
  require(world.sent == world.received, "what was sent is not what was received");
  require(world.guarded[0] + world.guarded[1] + world.guarded[2] == world.guarded_sum, "a mutex let two in");
  require(world.bodies_begun == world.bodies_ended, "a body has not ended");
  require(runtime.stop(20s) == CW_OK, "the runtime did not stop:", cw_last_error());
  std::printf("%u processors: %llu bodies, %llu locks\n", processors, static_cast<unsigned long long>(world.bodies_ended.load()),
              static_cast<unsigned long long>(world.guarded_sum.load()));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t seed = seed_of(argc, argv);
  const Watchdog watchdog;
  for (const unsigned processors : {1u, 2u, 4u, 8u}) run(seed + processors, processors, time_box() / 4);
  return 0;
}
