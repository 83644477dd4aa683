// SPDX-License-Identifier: MIT
//
// Rows call-in, first-call, alternate and call-latency: what a C host pays for a call of entry<&next>, a constant code pointer.
//
// Isolated: the crossing, of a function that adds one. The host's side is the same for every peer: bench/common/calls.hpp, host_stack.hpp
// and call_latency.hpp. The library is shared, the entry is the program's, as in a user's program.
#include "bench/causeway/rows.hpp"
#include "bench/common/call_latency.hpp"
#include "bench/common/host_stack.hpp"

extern "C" int cw_bench_callee(int value);

namespace bench {
namespace {

[[gnu::noinline]] int next(int value) { return value + 1; }

constexpr Target kNext = causeway::entry<&next>;

// The plain call of row call/plain, in the same run.
double plain_ns(const Run& run) { return ns_of_bound_call(run, &cw_bench_callee); }

double ns_of_user_data(const Run& run, int (*code)(void*, int), void* data) {
  double ns = 0;
  std::thread([&] {
    ns = ns_per_round(run, [code, data](std::uint64_t rounds) {
      int (*volatile p)(void*, int) = code;
      void* volatile d = data;
      int s = 0;
      for (std::uint64_t i = 0; i < rounds; ++i) { s = p(d, s); }
      must_have_counted(s, rounds);
    });
  }).join();
  return ns;
}

}  // namespace

void call_in_row(const Run& run) {
  if (run.variant.starts_with("run-time-")) return call_in_run_time_row(run);
  causeway::runtime runtime{options_of(run)};
  if (run.variant == "bound") {
    print(run, "causeway", ns_of_bound_call(run, kNext), 0, {{"loop_ns", loop_ns()}});
  } else if (run.variant == "with-state") {
    const causeway::callback<int(int)> cb{[one = 1](int value) { return value + one; }};
    print(run, "causeway", ns_of_bound_call(run, cb.code()), 0, {{"plain_ns", plain_ns(run)}, {"loop_ns", loop_ns()}});
  } else if (run.variant == "user-data") {
    const causeway::user_data_callback<int(void*, int), 0> cb{[one = 1](void*, int value) { return value + one; }};
    print(run, "causeway", ns_of_user_data(run, cb.code(), cb.data()), 0, {{"plain_ns", plain_ns(run)}, {"loop_ns", loop_ns()}});
  } else if (run.variant == "eight-threads") {
    print(run, "causeway", ns_of_eight_callers(run, kNext), 0);
  } else {
    unknown_row(run);
  }
}

void first_call_row(const Run& run) {
  causeway::runtime runtime{options_of(run)};
  const ThreadLives lives = ns_of_thread_lives(run, kNext, cw_bench_callee);
  print(run, "causeway", lives.ns, 0, {{"bare_ns", lives.bare_ns}});
}

void alternate_row(const Run& run) {
  causeway::runtime runtime{options_of(run)};
  print_alternation(run, "causeway", kNext);
}

void call_latency_row(const Run& run) {
  causeway::options options = options_of(run);
  options.processors = 2;  // on any machine: eight on two
  causeway::runtime runtime{options};
  std::atomic<bool> over{false};
  std::vector<causeway::task<void>> hogs;
  for (int i = 0; i < kHogs; ++i) {
    hogs.push_back(causeway::spawn([&] { spin(over); }));
  }
  std::this_thread::sleep_for(settling(run));
  const CallTimes times = time_single_calls(run, kNext, cw_bench_callee);
  over.store(true, std::memory_order_relaxed);  // relaxed: the joins below order everything else
  for (auto& hog : hogs) { hog.join(); }
  print_call_latency(run, "causeway", times);
}

}  // namespace bench
