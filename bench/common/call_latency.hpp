// SPDX-License-Identifier: MIT
//
// Row call-latency/beside-8: how long single calls in take, from a thread of the host that sleeps 200 us between them, while eight green
// threads compute on two processors. Every other call of the loop is a plain one: what the machine itself does to such a thread.
//
// The clock is read right before and right after the call; its own cost is in both numbers.
#pragma once

#include "bench/common/calls.hpp"
#include "bench/common/latency.hpp"
#include "bench/common/probe.hpp"

namespace bench {

struct CallTimes {
  std::vector<std::uint64_t> in;
  std::vector<std::uint64_t> plain;
};

// The eight run already. The first call of each kind is not counted: it binds the thread.
inline CallTimes time_single_calls(const Run& run, Target target, Target plain) {
  constexpr std::chrono::microseconds kPause{200};
  CallTimes times;
  std::thread([&] {
    int (*volatile called[2])(int) = {plain, target};
    std::vector<std::uint64_t>* const lists[2] = {&times.plain, &times.in};
    for (auto* list : lists) { list->reserve(1 << 16); }
    int s = called[1](called[0](0));
    const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(watching(run)).count());
    std::uint64_t calls = 2;
    for (unsigned which = 0; now_ns() < end; which ^= 1, ++calls) {
      std::this_thread::sleep_for(kPause);
      const std::uint64_t before = now_ns();
      s = called[which](s);
      lists[which]->push_back(now_ns() - before);
    }
    must_have_counted(s, calls);
  }).join();
  return times;
}

inline void print_call_latency(const Run& run, const char* peer, const CallTimes& times) {
  const Percentiles in = percentiles(times.in);
  const Percentiles plain = percentiles(times.plain);
  print(run, peer, in.p50, 0,
        {{"p50_ns", in.p50}, {"p99_ns", in.p99}, {"max_ns", in.max}, {"plain_p99_ns", plain.p99}, {"plain_max_ns", plain.max}});
}

}  // namespace bench
