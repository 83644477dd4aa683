// SPDX-License-Identifier: MIT
//
// Crossings at random: threads of a host that come and go, and its coroutines, which any of them resumes. Callbacks park, spawn, lock, throw, call
// out, are called back, and are suspended in the C code that they called, on one thread, to go on on another.
//
// Risk: what only meets in a mix: a callback that is moved while a nested one of its thread parks; a thread that ends with a coroutine of its first
// call suspended; a place in the runtime that is lost on one of the ways out. Every local of every level is looked at, what is posted runs, what is
// counted under a mutex adds up, and nothing is left in the runtime.
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "tests/c/host_stack.h"
#include "tests/cpp/stress/stress.hpp"

namespace {

using namespace stress;

constexpr size_t kStack = 256 * 1024;  // sanitizers make frames several times larger
constexpr unsigned kThreads = 4, kFibers = 12, kDeepest = 4;

struct World;

// A coroutine of the host. In the pool, or run by one thread.
struct Fiber {
  host_stack stack;
  std::unique_ptr<char[]> memory{new char[kStack]};
  World* world = nullptr;
  uint64_t seed = 0;
};

struct World {
  explicit World(uint64_t seed_) : seed(seed_) {}
  const uint64_t seed;
  std::atomic<uint64_t> next_party{0};
  std::atomic<bool> over{false};
  std::atomic<uint64_t> calls{0}, suspended{0}, moved{0}, posted{0}, ran{0}, locks{0}, thrown{0};
  causeway::channel<uint32_t> channel{2};
  causeway::mutex mutex;
  uint64_t guarded = 0;  // by mutex
  std::mutex pool_mutex;
  std::vector<Fiber*> pool;

  uint64_t new_seed() { return seed + ++next_party; }
};

// A level's own, which nobody else may write to.
class Mine {
 public:
  explicit Mine(uint64_t tag) : tag_(tag), id_(cw_green_id()) {
    for (uint64_t& word : words_) word = tag_ ^ reinterpret_cast<uintptr_t>(&word);
  }
  void look() const {
    for (const uint64_t& word : words_) require(word == (tag_ ^ reinterpret_cast<uintptr_t>(&word)), "a local was written over");
    require(cw_green_id() == id_, "a callback goes on as another green thread");
  }

 private:
  uint64_t tag_, id_;
  uint64_t words_[8];
};

// Where C code runs: on a coroutine, which may be suspended there, unless the green thread keeps its thread.
struct Place {
  Fiber* fiber;
  bool may_move;
  unsigned depth;
};

void callback(World& world, Random& random, Place place);

void in_c(World& world, Random& random, Place place) {
  require(cw_on_green() == 0, "C code is taken for a green thread");
  switch (random.below(4)) {
    case 0:
    case 1:
      if (place.fiber != nullptr && place.may_move) {
        ++world.suspended;
        const pid_t before = gettid();
        host_stack_suspend(&place.fiber->stack);
        world.moved += gettid() != before;
      }
      break;
    case 2:
      if (place.depth < kDeepest) callback(world, random, {place.fiber, place.may_move, place.depth + 1});
      break;
    default: std::this_thread::sleep_for(std::chrono::microseconds(random.below(50)));
  }
}

void call_c(World& world, Random& random, Place place) {
  switch (random.below(3)) {
    case 0: causeway::call_blocking([&] { in_c(world, random, place); }); break;
    default: causeway::call([&] { in_c(world, random, place); });
  }
}

void throw_across(World& world, Random& random, Place place) {
  const uint64_t mark = world.new_seed();
  try {
    causeway::call([&] {
      in_c(world, random, place);
      throw mark;
    });
    fail("what C++ code threw below a call out did not come out");
  } catch (const uint64_t caught) {
    require(caught == mark, "an exception is another one's");
    call_c(world, random, place);
    try {
      throw;
    } catch (const uint64_t again) { require(again == mark, "the exception in flight is another one's"); }
  }
  ++world.thrown;
}

void act(World& world, Random& random, Place place) {
  switch (random.below(10)) {
    case 0: static_cast<void>(world.channel.send_for(random.below(100), 100us)); break;
    case 1: static_cast<void>(world.channel.receive_for(100us)); break;
    case 2: {
      const std::lock_guard guard(world.mutex);
      const uint64_t before = world.guarded;
      if (random.below(4) == 0) causeway::this_green::yield();
      world.guarded = before + 1;
      ++world.locks;
      break;
    }
    case 3: causeway::this_green::sleep_for(std::chrono::microseconds(random.below(100))); break;
    case 4: causeway::spawn([&world] { causeway::call([&world] { ++world.calls; }); }).join(); break;
    case 5: throw_across(world, random, place); break;
    case 6: {
      const causeway::thread_affinity keep;
      call_c(world, random, {place.fiber, false, place.depth});
      break;
    }
    default: call_c(world, random, place);
  }
}

void callback(World& world, Random& random, Place place) {
  ++world.calls;
  causeway::enter([&] {
    const Mine mine(world.new_seed());
    const unsigned steps = 1 + random.below(4);
    for (unsigned i = 0; i < steps && !world.over; ++i) {
      act(world, random, place);
      mine.look();
    }
    if (random.below(4) == 0) {
      ++world.posted;
      if (cw_post([](void* at) { ++static_cast<World*>(at)->ran; }, &world) != CW_OK) --world.posted;
    }
  });
}

void fiber_body(host_stack* stack) {
  auto* fiber = static_cast<Fiber*>(stack->arg);
  Random random(fiber->seed);
  for (unsigned i = 0; i < 8 && !fiber->world->over; ++i) callback(*fiber->world, random, {fiber, true, 0});
}

void begin(World& world, Fiber& fiber) {
  fiber.world = &world;
  fiber.seed = world.new_seed();
  host_stack_init(&fiber.stack, fiber.memory.get(), kStack, &fiber_body, &fiber);
}

// Resumes one that nobody runs; false if there is none.
bool resume_one(World& world, Random& random, bool again) {
  Fiber* fiber = nullptr;
  {
    const std::lock_guard guard(world.pool_mutex);
    if (world.pool.empty()) return false;
    const size_t at = random.below(static_cast<uint32_t>(world.pool.size()));
    fiber = world.pool[at];
    world.pool.erase(world.pool.begin() + static_cast<std::ptrdiff_t>(at));
  }
  host_stack_resume(&fiber->stack);
  if (fiber->stack.done != 0) {
    host_stack_end(&fiber->stack);
    if (!again) return true;
    begin(world, *fiber);
  }
  const std::lock_guard guard(world.pool_mutex);
  world.pool.push_back(fiber);
  return true;
}

// One thread of the host after the other, each with a short life.
void threads(World& world) {
  while (!world.over)
    std::thread([&world] {
      Random random(world.new_seed());
      for (unsigned i = 0; i < 50 && !world.over; ++i) {
        if (random.below(3) == 0) callback(world, random, {nullptr, true, 0});
        else resume_one(world, random, true);
      }
    }).join();
}

void run(uint64_t seed, unsigned processors, Clock::duration time) {
  causeway::options options;
  options.processors = processors;
  causeway::runtime runtime(options);
  World world(seed);
  std::vector<Fiber> fibers(kFibers);
  for (Fiber& fiber : fibers) {
    begin(world, fiber);
    world.pool.push_back(&fiber);
  }
  {
    std::vector<std::thread> hosts;
    std::vector<causeway::task<void>> greens;
    for (unsigned i = 0; i < kThreads; ++i) hosts.emplace_back([&] { threads(world); });
    for (unsigned i = 0; i < 3; ++i)
      greens.push_back(causeway::spawn([&] {
        Random random(world.new_seed());
        while (!world.over) act(world, random, {nullptr, true, 0});
      }));
    std::this_thread::sleep_for(time);  // the time box, not a wait for something
    world.over = true;
    for (auto& host : hosts) host.join();
    for (auto& green : greens) green.join();
  }
  Random random(seed);
  while (resume_one(world, random, false)) {}  // those that are suspended come to their ends, all on this thread
  const auto limit = Clock::now() + 20s;
  while (causeway::stats().greens != 0 || world.ran != world.posted) {
    require(Clock::now() < limit, "green threads are left, or a post did not run");
    std::this_thread::yield();
  }
  require(world.guarded == world.locks, "a mutex let two in");
  require(runtime.stop(20s) == CW_OK, "the runtime did not stop:", cw_last_error());
  const auto count = [](const std::atomic<uint64_t>& n) { return static_cast<unsigned long long>(n.load()); };
  std::printf("%u processors: %llu calls, %llu suspended, %llu of them moved, %llu thrown\n", processors, count(world.calls),
              count(world.suspended), count(world.moved), count(world.thrown));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t seed = seed_of(argc, argv);
  const Watchdog watchdog;
  for (const unsigned processors : {1u, 2u, 4u}) run(seed + processors, processors, time_box() / 3);
  return 0;
}
