// SPDX-License-Identifier: MIT
//
// Row sleepers: how late 100 000 green threads wake whose deadlines are spread evenly over one second, in three rounds.
//
// Lateness is the clock's time minus the deadline, read by the sleeper as the first thing it does. The deadlines begin 500 ms after
// the first spawn, when all sleep already; they are handed out in a mixed order, because timers that arrive sorted are the easy case.
#include "bench/causeway/rows.hpp"
#include "bench/common/latency.hpp"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kStride = 7919;  // a prime, so that multiples of it visit every place once

// One round: lateness[i] of sleeper i.
void sleep_once(const Run& run, std::uint64_t* lateness, std::size_t count) {
  const auto span = run.smoke ? std::chrono::milliseconds(20) : std::chrono::milliseconds(1000);
  const auto first = Clock::now() + (run.smoke ? std::chrono::milliseconds(20) : std::chrono::milliseconds(500));
  const auto step = std::chrono::duration_cast<std::chrono::nanoseconds>(span) / static_cast<std::int64_t>(count);
  causeway::wait_group group;
  group.add(static_cast<std::int64_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    const auto deadline = first + step * static_cast<std::int64_t>(i * kStride % count);
    causeway::go([&group, deadline, late = lateness + i] {
      causeway::this_green::sleep_until(deadline);
      *late = static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - deadline).count());
      group.done();
    });
  }
  if (Clock::now() > first && !run.smoke) {
    std::fprintf(stderr, "starting %zu sleepers took more than 500 ms\n", count);
    std::exit(1);
  }
  group.wait();
}

}  // namespace

void sleepers_row(const Run& run) {
  const std::size_t count = run.smoke ? 1'000 : 100'000;
  causeway::runtime runtime{options_of(run)};
  std::vector<std::uint64_t> lateness(3 * count);
  for (std::size_t round = 0; round < 3; ++round) {
    on_green([&] { sleep_once(run, lateness.data() + round * count, count); });
  }
  print_latency(run, "causeway", std::move(lateness));
}

}  // namespace bench
