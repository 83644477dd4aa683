// SPDX-License-Identifier: MIT
//
// The Go peer in the rows of calls: a C++ host with a Go archive linked in. Built by bench/run with Go and the system's compiler.
//
// The host's side is the code that calls us: bench/common/calls.hpp and its neighbours. The calls out and the nested ones loop in Go, on a
// goroutine of their own.
#include "bench/common/call_latency.hpp"
#include "bench/common/host_stack.hpp"

extern "C" {
int cw_bench_callee(int value);
int goNext(int value);
void goSetProcessors(int count);
void goStartHogs(int count);
void goEndHogs();
void goCallOut(unsigned long long rounds);
void goNested(unsigned long long rounds);
}

namespace {

constexpr const char* kPeer = "go";

void call_latency(const bench::Run& run) {
  goSetProcessors(2);
  goStartHogs(bench::kHogs);
  std::this_thread::sleep_for(bench::settling(run));
  const bench::CallTimes times = bench::time_single_calls(run, goNext, cw_bench_callee);
  goEndHogs();
  bench::print_call_latency(run, kPeer, times);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Run run = bench::parse(argc, argv);
  if (run.row == "call-in/bound") {
    bench::print(run, kPeer, bench::ns_of_bound_call(run, goNext), 0);
  } else if (run.row == "call-in/eight-threads") {
    bench::print(run, kPeer, bench::ns_of_eight_callers(run, goNext), 0);
  } else if (run.subject == "first-call") {
    const bench::ThreadLives lives = bench::ns_of_thread_lives(run, goNext, cw_bench_callee);
    bench::print(run, kPeer, lives.ns, 0, {{"bare_ns", lives.bare_ns}});
  } else if (run.subject == "alternate") {
    bench::print_alternation(run, kPeer, goNext);
  } else if (run.subject == "call-latency") {
    call_latency(run);
  } else if (run.subject == "call-out") {
    bench::print(run, kPeer, bench::ns_per_round(run, [](std::uint64_t rounds) { goCallOut(rounds); }), 0);
  } else if (run.subject == "nested") {
    bench::print(run, kPeer, bench::ns_per_round(run, [](std::uint64_t rounds) { goNested(rounds); }), 0);
  } else {
    bench::unknown_row(run);
  }
  return 0;
}
