// SPDX-License-Identifier: MIT
//
// Start and stop in a loop, with work under way: sleepers, waiters, spawners and plain threads that call in at every moment.
//
// Risk: a stop that takes down what a plain thread, a timer or a last wake-up is just about to touch.
#include <vector>

#include "tests/cpp/stress/stress.hpp"

namespace {

using namespace stress;

// Green threads that end only because they are asked to.
void populate(Random& random, std::atomic<int64_t>& alive) {
  struct Alive {
    explicit Alive(std::atomic<int64_t>& count) : count_(count) { ++count_; }
    ~Alive() { --count_; }
    std::atomic<int64_t>& count_;
  };
  const unsigned n = 1 + random.below(40);
  for (unsigned i = 0; i < n; ++i) {
    switch (random.below(4)) {
      case 0:
        causeway::go([&alive] {
          const Alive here(alive);
          causeway::this_green::sleep_for(1h);
        });
        break;
      case 1:
        causeway::go([&alive] {
          const Alive here(alive);
          causeway::channel<int> never;
          static_cast<void>(never.receive());
        });
        break;
      case 2:
        causeway::go([&alive](std::stop_token stop) {
          const Alive here(alive);
          while (!stop.stop_requested()) causeway::this_green::yield();
        });
        break;
      default:
        causeway::go([&alive] {
          const Alive here(alive);
          try {
            for (;;) {
              auto child = causeway::spawn([] { causeway::this_green::sleep_for(20us); });
              causeway::this_green::sleep_for(50us);
            }
          } catch (const causeway::error& e) {
            require(e.status() == CW_E_STOPPED || e.status() == CW_E_CANCELLED, "a stop by another name:", e.what());
          }
        });
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Random random(seed_of(argc, argv));
  const Watchdog watchdog;
  std::atomic<bool> over{false};
  std::atomic<int64_t> alive{0};
  // Plain threads that call in whatever the runtime is doing. Without a runtime a spawn may not start one: the loop below is the only starter.
  causeway::options no_start;
  no_start.implicit_start = false;
  no_start.start_wait_ns = 0;
  causeway::set_default_options(no_start);
  std::vector<std::thread> callers;
  std::atomic<uint64_t> joined{0}, refused{0};
  for (unsigned i = 0; i < 2; ++i)
    callers.emplace_back([&] {
      while (!over) {
        try {
          if (causeway::spawn([] { return 7; }).join() != 7) fail("a wrong result");
          ++joined;
        } catch (const causeway::error& e) {
          require(e.status() == CW_E_NOT_READY || e.status() == CW_E_STOPPED, "a refusal by another name:", e.what());
          ++refused;
        }
        static_cast<void>(causeway::stats());
      }
    });
  uint64_t rounds = 0;
  const auto end = Clock::now() + time_box();
  while (Clock::now() < end) {
    causeway::options options;
    options.processors = 1 + random.below(4);
    const cw_options c = options.to_c();
    require(cw_runtime_start(&c) == CW_OK, "start:", cw_last_error());
    populate(random, alive);
    const auto until = Clock::now() + std::chrono::microseconds(random.below(2000));
    while (Clock::now() < until) std::this_thread::yield();
    require(cw_runtime_stop(uint64_t{20'000'000'000}) == CW_OK, "stop:", cw_last_error());
    require(alive == 0, "a green thread outlived the stop");
    ++rounds;
  }
  over = true;
  for (auto& caller : callers) caller.join();
  std::printf("%llu starts and stops, %llu joined, %llu refused\n", static_cast<unsigned long long>(rounds),
              static_cast<unsigned long long>(joined.load()), static_cast<unsigned long long>(refused.load()));
  require(joined != 0, "no caller ever got in");
  return 0;
}
