// SPDX-License-Identifier: MIT
//
// Rows stop: how long a stop of the world lasts whose function does nothing, from the call until everything goes on.
//
//   stop/two-busy   by a thread of the host, beside two green threads that compute on two processors; 100 us of rest between
//   stop/parked     the same with nobody at work, beside 1 000 000 green threads that wait, and beside 1 000
#include "bench/causeway/rows.hpp"
#include "bench/common/latency.hpp"
#include "bench/common/probe.hpp"

#include <atomic>
#include <thread>

namespace bench {
namespace {

using Times = std::vector<std::uint64_t>;

Times stop_again_and_again(const Run& run) {
  constexpr std::chrono::microseconds kRest{100};
  Times times;
  const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(watching(run)).count());
  while (now_ns() < end) {
    std::this_thread::sleep_for(kRest);
    const std::uint64_t start = now_ns();
    causeway::world_run(std::chrono::seconds(10), []() noexcept {});
    times.push_back(now_ns() - start);
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
  if (run.variant == "two-busy") { return print_latency(run, "causeway", beside_two_busy(run)); }
  const Percentiles few = percentiles(beside_parked(run, 1'000));
  const Percentiles many = percentiles(beside_parked(run, run.smoke ? 2'000 : 1'000'000));
  print(run, "causeway", many.p50, 0, {{"p50_ns", many.p50}, {"p99_ns", many.p99}, {"few_p50_ns", few.p50}, {"few_p99_ns", few.p99}});
}

}  // namespace bench
