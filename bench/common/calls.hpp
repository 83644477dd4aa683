// SPDX-License-Identifier: MIT
//
// The C host of the rows that call in: threads that know nothing of the runtime they call, with a code pointer to int(int).
//
// One code for ours and for every peer that has such a pointer. Each call has the form of the baseline (bench/baseline/call_bench.cc):
// `s = p(s)`, p volatile; the sum shows that every call arrived. The target adds one. Rows on host stacks: host_stack.hpp; the row of
// single late calls: call_latency.hpp.
#pragma once

#include <barrier>
#include <thread>

#include <pthread.h>

#include "bench/common/bench.hpp"
#include "bench/common/latency.hpp"

namespace bench {

using Target = int (*)(int);

// Ends the process with status 1 if a call was lost.
inline void must_have_counted(int sum, std::uint64_t calls) {
  if (static_cast<std::uint32_t>(sum) == static_cast<std::uint32_t>(calls)) { return; }
  std::fprintf(stderr, "%llu calls counted %d\n", static_cast<unsigned long long>(calls), sum);
  std::exit(1);
}

inline void call_rounds(Target target, std::uint64_t rounds) {
  int (*volatile p)(int) = target;
  int s = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) { s = p(s); }
  must_have_counted(s, rounds);
}

// Row call-in/bound: one thread of the host, which the runtime knows from the calls before the counted ones.
inline double ns_of_bound_call(const Run& run, Target target) {
  double ns = 0;
  std::thread([&] { ns = ns_per_round(run, [target](std::uint64_t rounds) { call_rounds(target, rounds); }); }).join();
  return ns;
}

// Row call-in/eight-threads: eight threads of the host at once; wall time over all calls. Each has called once before the time counts, and
// the count is chosen so that all of them take about 400 ms together if the CPUs are theirs.
inline double ns_of_eight_callers(const Run& run, Target target) {
  constexpr int kThreads = 8;
  constexpr std::uint64_t kTrial = 100'000;
  std::uint64_t each = 100;
  if (!run.smoke) {
    std::thread([&] {
      call_rounds(target, kTrial);
      const std::uint64_t start = now_ns();
      call_rounds(target, kTrial);
      each = 400'000'000 / kThreads * cpus_of_process() * kTrial / std::max<std::uint64_t>(now_ns() - start, 1);
    }).join();
  }
  std::barrier<> bound(kThreads + 1);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      call_rounds(target, 1);
      bound.arrive_and_wait();
      call_rounds(target, each);
    });
  }
  bound.arrive_and_wait();
  const std::uint64_t start = now_ns();
  for (std::thread& thread : threads) { thread.join(); }
  return static_cast<double>(now_ns() - start) / static_cast<double>(each * kThreads);
}

struct ThreadLives {
  double ns;       // create, one call, exit, join
  double bare_ns;  // the same without the call into the runtime: a plain call in its place
};

// Row first-call/new-thread. Both kinds take turns in short batches, so that a slow moment of the machine hits both; the median batch counts.
inline ThreadLives ns_of_thread_lives(const Run& run, Target target, Target plain) {
  constexpr int kBatch = 16;
  const auto lives = [](Target called) {
    const std::uint64_t start = now_ns();
    for (int i = 0; i < kBatch; ++i) {
      pthread_t thread{};
      const auto body = [](void* p) -> void* {
        must_have_counted(reinterpret_cast<Target>(p)(0), 1);
        return nullptr;
      };
      if (pthread_create(&thread, nullptr, body, reinterpret_cast<void*>(called)) != 0) {
        std::fprintf(stderr, "a thread could not be created\n");
        std::exit(1);
      }
      pthread_join(thread, nullptr);
    }
    return now_ns() - start;
  };
  lives(target);
  lives(plain);
  const std::uint64_t end = now_ns() + (run.smoke ? 0 : 1'500'000'000);
  std::vector<std::uint64_t> with;
  std::vector<std::uint64_t> without;
  do {
    with.push_back(lives(target));
    without.push_back(lives(plain));
  } while (now_ns() < end);
  return {percentiles(with).p50 / kBatch, percentiles(without).p50 / kBatch};
}

}  // namespace bench
