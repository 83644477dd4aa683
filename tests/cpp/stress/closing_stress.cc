// SPDX-License-Identifier: MIT
//
// Callbacks that are closed while others call them: made, called, closed in each way, called when they are dead, by threads of a host and by green
// threads, with and without user data, with owners, with handles of what they stand on, and with exceptions that travel over the C frames.
//
// Risk: what only meets in a mix: a closer that returns while a call is inside; a call that finds a functor that was ended, or another callback's
// object; an exception that is lost. Each call gives its result, an exception or the fallback, and the three counts add up; what a callback stands on
// is marked dead, and freed, as soon as its closer returns; in the end no callback, handle or green thread is left.
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "tests/cpp/stress/stress.hpp"

namespace {

using namespace stress;

constexpr unsigned kSlots = 8, kHosts = 3, kGreens = 3;
constexpr int kDead = -1, kThrown = -2;  // what C gets; a callback that throws has kThrown for both
constexpr uint32_t kAlive = 0xa11fe, kOver = 0xdead;

struct Failed : std::runtime_error {
  explicit Failed(int n) : std::runtime_error("thrown by a callback"), number(n) {}
  int number;
};

// What a callback stands on; its functor has the handle alone.
struct Body {
  std::atomic<uint32_t> mark{kAlive};
  ~Body() { mark = kOver; }
};

// What C has of a callback: kept longer than the callback lives.
struct Pointers {
  int (*code)(int) = nullptr;
  int (*data_code)(int, void*) = nullptr;
  void* data = nullptr;
};

struct World {
  explicit World(uint64_t seed_) : seed(seed_) {}
  const uint64_t seed;
  std::atomic<uint64_t> next_party{0};
  std::atomic<bool> over{false};
  std::atomic<uint64_t> calls{0}, results{0}, refused{0}, stale{0}, thrown{0}, caught{0}, told{0}, made{0};
  std::mutex mutex;
  Pointers slots[kSlots];  // by mutex
  Pointers kept[kSlots];   // by mutex: of one that is dead for long

  uint64_t new_seed() { return seed + ++next_party; }
  Pointers pointers(unsigned at, bool old) {
    const std::lock_guard hold(mutex);
    return old ? kept[at] : slots[at];
  }
  void publish(unsigned at, const Pointers& pointers) {
    const std::lock_guard hold(mutex);
    kept[at] = slots[at];
    slots[at] = pointers;
  }
};

void call_one(World& world, Random& random, unsigned depth);

// The body of each callback.
int work(World& world, causeway::handle<Body> handle, Random& random, unsigned depth, int n, bool throws) {
  const auto body = handle.try_acquire();
  if (!body) {
    // It was released before its callback was closed, and its object may be gone.
    require(body.error() == CW_E_STALE, "a handle is neither good nor stale");
    ++world.stale;
    return n + 1;
  }
  require((*body)->mark == kAlive, "a callback runs after its closer returned");
  switch (random.below(6)) {
    case 0: causeway::this_green::yield(); break;
    case 1: causeway::call([] { std::this_thread::yield(); }); break;
    case 2:
      if (depth < 2) causeway::call([&] { call_one(world, random, depth + 1); });
      break;
    case 3: causeway::this_green::sleep_for(std::chrono::microseconds(random.below(50))); break;
    default: break;
  }
  require((*body)->mark == kAlive, "a closer returned while a call was inside");
  if (throws && random.below(3) == 0) {
    ++world.thrown;
    throw Failed(n);
  }
  return n + 1;
}

// As C does: knows of no exception.
int call_as_c(World& world, Random& random) {
  const Pointers pointers = world.pointers(random.below(kSlots), random.below(4) == 0);
  const int n = static_cast<int>(random.below(1000));
  int got = kDead;
  if (pointers.code != nullptr) got = pointers.code(n);
  else if (pointers.data_code != nullptr) got = pointers.data_code(n, pointers.data);
  else return 0;
  ++world.calls;
  if (got == n + 1) ++world.results;
  else if (got == kDead || got == kThrown || got == 0) ++world.refused;  // 0: a number whose record serves another callback by now
  else fail("C got what is no answer");
  return got;
}

// Calls one from C code; on a green thread below a call out of its own, from which the exception comes out.
void call_one(World& world, Random& random, unsigned depth) {
  if (cw_on_green() == 0 && depth == 0) {
    call_as_c(world, random);
    return;
  }
  const auto from_green = [&] {
    try {
      causeway::call([&] { call_as_c(world, random); });
    } catch (const Failed&) { ++world.caught; }
  };
  if (cw_on_green() != 0) from_green();
  else causeway::enter(from_green);
}

// One callback's life, of one kind or the other.
template <class Callback>
void close_somehow(Callback& callback, Random& random, causeway::owner* owner) {
  if (owner != nullptr) owner->close();
  else if (random.below(2) == 0) callback->close_and_wait();
  else if (random.below(2) == 0) callback->close();
  callback.reset();  // waits
}

template <class Callback, class Publish>
void live_one(World& world, Random& random, unsigned at, Publish publish) {
  ++world.made;
  auto body = std::make_unique<Body>();
  const auto handle = causeway::handle<Body>::make(*body);
  std::unique_ptr<causeway::owner> owner;
  if (random.below(3) == 0) owner = std::make_unique<causeway::owner>("stress");
  const bool throws = random.below(2) == 0;
  const causeway::callback_options options{.name = "stress", .owned_by = owner.get()};
  const uint64_t seed = world.new_seed();
  auto functor = [&world, handle, seed, throws](int n, auto...) {
    Random own(seed + world.calls);
    return work(world, handle, own, 1, n, throws);
  };
  auto callback = throws ? std::make_unique<Callback>(functor, causeway::on_exception::tunnel(kThrown), options)
                         : std::make_unique<Callback>(functor, causeway::on_exception::return_value(kDead), options);
  world.publish(at, publish(*callback));
  for (uint32_t i = random.below(40); i > 0; --i) {
    if (cw_on_green() != 0) causeway::this_green::sleep_for(std::chrono::microseconds(10));
    else std::this_thread::yield();
  }
  const bool handle_first = random.below(4) == 0;
  if (handle_first) {
    static_cast<void>(handle.release());  // waits for those who have acquired the body
    body.reset();
  }
  close_somehow(callback, random, owner.get());
  if (handle_first) return;
  body->mark = kOver;
  static_cast<void>(handle.release());
}

void maker(World& world, unsigned at) {
  Random random(world.new_seed());
  while (!world.over) {
    if (random.below(2) == 0)
      live_one<causeway::callback<int(int)>>(world, random, at,
                                             [](const auto& callback) { return Pointers{callback.code(), nullptr, nullptr}; });
    else
      live_one<causeway::user_data_callback<int(int, void*), 1>>(
          world, random, at, [](const auto& callback) { return Pointers{nullptr, callback.code(), callback.data()}; });
  }
}

void caller(World& world) {
  Random random(world.new_seed());
  while (!world.over) {
    call_one(world, random, 0);
    if (cw_on_green() != 0) causeway::this_green::yield();
  }
}

void run(uint64_t seed, unsigned processors, Clock::duration time) {
  causeway::options options;
  options.processors = processors;
  options.log_level = CW_LOG_ERROR;  // each dead one that is called has a line
  causeway::runtime runtime(options);
  const cw_stats before = causeway::stats();
  World world(seed);
  cw_error_handler_set([](cw_status, const char*, const char*, void* at) { ++static_cast<World*>(at)->told; }, &world);
  {
    std::vector<std::thread> threads;
    std::vector<causeway::task<void>> greens;
    for (unsigned at = 0; at < kSlots; ++at) {
      if (at % 2 == 0) threads.emplace_back([&world, at] { maker(world, at); });
      else greens.push_back(causeway::spawn([&world, at] { maker(world, at); }));
    }
    for (unsigned i = 0; i < kHosts; ++i) threads.emplace_back([&world] { caller(world); });
    for (unsigned i = 0; i < kGreens; ++i) greens.push_back(causeway::spawn([&world] { caller(world); }));
    std::this_thread::sleep_for(time);  // the time box, not a wait for something
    world.over = true;
    for (auto& thread : threads) thread.join();
    for (auto& green : greens) green.join();
  }
  const cw_stats after = causeway::stats();
  cw_error_handler_set(nullptr, nullptr);
  const auto count = [](const std::atomic<uint64_t>& n) { return static_cast<unsigned long long>(n.load()); };
  std::printf(
      "%u processors: %llu made, %llu calls: %llu answered, %llu refused or thrown; %llu thrown, %llu caught, %llu told; %llu dead called\n",
      processors, count(world.made), count(world.calls), count(world.results), count(world.refused), count(world.thrown),
      count(world.caught), count(world.told), static_cast<unsigned long long>(after.callbacks_dead_called - before.callbacks_dead_called));
  std::fflush(stdout);
  require(world.calls == world.results + world.refused, "a call has no answer");
  require(world.thrown == world.caught + world.told, "an exception was lost, or came twice");
  require(world.refused == world.thrown + (after.callbacks_dead_called - before.callbacks_dead_called),
          "a dead one was called and not counted");
  require(after.callbacks_live == 0, "a callback is left");
  require(after.handles_live == before.handles_live, "a handle is left");
  require(runtime.stop(20s) == CW_OK, "the runtime did not stop:", cw_last_error());
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t seed = seed_of(argc, argv);
  const Watchdog watchdog;
  for (const unsigned processors : {1u, 2u}) run(seed + processors, processors, time_box() / 2);
  std::printf("closing: ok\n");
  return 0;
}
