// SPDX-License-Identifier: MIT
//
// Rows stop: how long a stop of the world lasts whose function does nothing, from the call until everything goes on.
//
// Between two there is a rest of 0.1 to 8 ms by chance: some machines interrupt a busy CPU no sooner than at its next tick (decision 0021), and who stops
// the world right after the last one was over would always wait a whole one. The pause is the time until the function runs.
//
//   stop/two-busy   by a thread of the host, beside two green threads that compute on two processors
//   stop/parked     the same with nobody at work, beside 1 000 000 green threads that wait, and beside 1 000
#include "bench/causeway/rows.hpp"
#include "bench/common/latency.hpp"
#include "bench/common/probe.hpp"

#include <atomic>
#include <thread>

namespace bench {
namespace {

struct Times {
  std::vector<std::uint64_t> calls, pauses;
};

Times stop_again_and_again(const Run& run) {
  Times times;
  Rest rest;
  const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(2 * watching(run)).count());
  while (now_ns() < end) {
    rest.take();
    const std::uint64_t start = now_ns();
    std::uint64_t stands = 0;
    causeway::world_run(std::chrono::seconds(10), [&]() noexcept { stands = now_ns(); });
    times.calls.push_back(now_ns() - start);
    times.pauses.push_back(stands - start);
  }
  return times;
}

Times beside_two_busy(const Run& run) {
  std::atomic<bool> over{false};
  std::vector<causeway::task<void>> busy;
  for (int i = 0; i < 2; ++i) {
    busy.push_back(causeway::spawn([&] { spin(over); }));
  }
  std::this_thread::sleep_for(settling(run));
  Times times = stop_again_and_again(run);
  over.store(true, std::memory_order_relaxed);
  for (auto& task : busy) { task.join(); }
  return times;
}

Times beside_parked(const Run& run, std::int64_t count) {
  causeway::event event{causeway::manual_reset};
  std::atomic<std::int64_t> started{0};
  std::atomic<std::int64_t> ended{0};
  for (std::int64_t i = 0; i < count; ++i) {
    causeway::go([&] {
      started.fetch_add(1, std::memory_order_relaxed);  // relaxed: a counter of arrivals
      event.wait();
      ended.fetch_add(1, std::memory_order_release);  // the last use of `event`; pairs with the acquire below
    });
  }
  while (started.load(std::memory_order_relaxed) != count) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }
  std::this_thread::sleep_for(settling(run));
  Times times = stop_again_and_again(run);
  event.set();
  while (ended.load(std::memory_order_acquire) != count) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }
  return times;
}

}  // namespace

void stop_row(const Run& run) {
  if (run.variant != "two-busy" && run.variant != "parked") { unknown_row(run); }
  causeway::options options = options_of(run);
  options.processors = 2;
  const causeway::runtime runtime{options};
  if (run.variant == "two-busy") {
    const Times times = beside_two_busy(run);
    const Percentiles call = percentiles(times.calls), pause = percentiles(times.pauses);
    print(run, "causeway", call.p50, 0,
          {{"p50_ns", call.p50}, {"p99_ns", call.p99}, {"pause_p50_ns", pause.p50}, {"pause_p99_ns", pause.p99}});
    return;
  }
  const Percentiles few = percentiles(beside_parked(run, 1'000).calls);
  const Percentiles many = percentiles(beside_parked(run, run.smoke ? 2'000 : 1'000'000).calls);
  print(run, "causeway", many.p50, 0, {{"p50_ns", many.p50}, {"p99_ns", many.p99}, {"few_p50_ns", few.p50}, {"few_p99_ns", few.p99}});
}

}  // namespace bench
