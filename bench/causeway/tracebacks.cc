// SPDX-License-Identifier: MIT
//
// Row traceback: all green threads as text, with symbols.
//
// 10 000 of them wait in one channel, below ten calls of a host's function. Per green thread; the buffer is there before, and large enough. Its peer is
// runtime.Stack(all) of Go, which prints as many frames. The first traceback, which finds the names, is a field of its own.
#include "bench/causeway/rows.hpp"

#include <atomic>

namespace bench {

namespace {

using Pipe = causeway::channel<int>;

[[gnu::noinline]] int deeper(Pipe& pipe, int calls) {
  if (calls == 0) { return pipe.receive().value_or(0); }
  const int below = deeper(pipe, calls - 1);
  asm volatile("");
  return below + 1;
}

}  // namespace

void traceback_row(const Run& run) {
  const std::int64_t count = run.smoke ? 200 : 10'000;
  const int rounds = run.smoke ? 2 : 10;
  causeway::runtime runtime{options_of(run)};
  Pipe pipe;
  std::atomic<std::int64_t> ended{0};
  for (std::int64_t i = 0; i < count; ++i) {
    causeway::go([&] {
      deeper(pipe, 10);
      ended.fetch_add(1, std::memory_order_release);
    });
  }
  while (causeway::stats().greens_parked != static_cast<std::uint64_t>(count)) { std::this_thread::yield(); }
  std::vector<char> text(std::size_t{64} << 20, 'x');
  const std::uint64_t start = now_ns();
  const std::size_t size = cw_traceback(text.data(), text.size(), CW_TRACE_ALL);
  const std::uint64_t first = now_ns() - start;
  std::uint64_t best = UINT64_MAX;
  for (int i = 0; i < rounds; ++i) {
    const std::uint64_t from = now_ns();
    if (cw_traceback(text.data(), text.size(), CW_TRACE_ALL) < size / 2) { throw std::runtime_error("a traceback was cut"); }
    best = std::min(best, now_ns() - from);
  }
  pipe.close();
  while (ended.load(std::memory_order_acquire) != count) { std::this_thread::yield(); }
  const auto each = static_cast<double>(count);
  print(run, "causeway", static_cast<double>(best) / each, static_cast<double>(size) / each,
        {{"first_ns", static_cast<double>(first) / each}});
}

}  // namespace bench
