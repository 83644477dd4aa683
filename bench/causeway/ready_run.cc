// SPDX-License-Identifier: MIT
//
// Rows ready-run: how long a green thread that became ready waits until it runs, beside eight that only compute.
//
//   timer    the prober sleeps 1 ms; counted from the deadline
//   channel  another green thread sleeps 1 ms, reads the clock and sends; counted from that reading to the prober's
//
// The eight never call the runtime. Both are watched for the same time as the floor, bench/baseline/gap_bench.cc.
#include "bench/causeway/rows.hpp"
#include "bench/common/latency.hpp"
#include "bench/common/probe.hpp"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;
using Times = std::vector<std::uint64_t>;

constexpr std::chrono::milliseconds kPause{1};

std::uint64_t since(Clock::time_point then) { return static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - then).count()); }

Times by_timer(Clock::time_point end) {
  Times times;
  while (Clock::now() < end) {
    const auto deadline = Clock::now() + kPause;
    causeway::this_green::sleep_until(deadline);
    times.push_back(since(deadline));
  }
  return times;
}

Times by_channel(Clock::time_point end) {
  Times times;
  causeway::channel<Clock::time_point> channel(0);
  auto sender = causeway::spawn([&] {
    while (Clock::now() < end) {
      causeway::this_green::sleep_for(kPause);
      channel.send(Clock::now());
    }
    channel.close();
  });
  for (const Clock::time_point sent : channel) { times.push_back(since(sent)); }
  sender.join();
  return times;
}

}  // namespace

void ready_run_row(const Run& run) {
  if (run.variant != "timer" && run.variant != "channel") { unknown_row(run); }
  causeway::options options = options_of(run);
  options.processors = 2;  // also on a machine with one CPU, where half of them would be more hogs than a processor may have
  causeway::runtime runtime{options};
  Times times;
  on_green([&] {
    std::atomic<bool> over{false};
    std::vector<causeway::task<void>> hogs;
    for (int i = 0; i < kHogs; ++i) {
      hogs.push_back(causeway::spawn([&] { spin(over); }));
    }
    causeway::this_green::sleep_for(settling(run));
    const auto end = Clock::now() + watching(run);
    times = run.variant == "timer" ? by_timer(end) : by_channel(end);
    over.store(true, std::memory_order_relaxed);
    for (auto& hog : hogs) { hog.join(); }
  });
  print_latency(run, "causeway", std::move(times));
}

}  // namespace bench
