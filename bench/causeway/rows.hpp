// SPDX-License-Identifier: MIT
//
// The rows of the program causeway_bench. Each is written against the public C++ headers only and linked with the shared library,
// as a user's program would be. Each starts the runtime itself, with the processors of its row and defaults otherwise.
#pragma once

#include <causeway/causeway.hpp>

#include "bench/common/bench.hpp"

namespace bench {

inline causeway::options options_of(const Run& run) {
  causeway::options options;
  options.processors = run.processors;
  return options;
}

// Runs `body` on a green thread and waits for it: our counterpart of Go's main goroutine.
template <class Body>
void on_green(Body&& body) {
  causeway::spawn(std::forward<Body>(body)).join();
}

// Runs `body(share)` on `count` green threads that share `rounds` evenly, and waits for all of them.
template <class Body>
void in_shares(std::uint64_t count, std::uint64_t rounds, const Body& body) {
  std::vector<causeway::task<void>> tasks;
  for (std::uint64_t i = 0; i < count; ++i) {
    tasks.push_back(causeway::spawn([&body, share = rounds / count] { body(share); }));
  }
  for (auto& task : tasks) { task.join(); }
}

// A row that is one timed loop: `work(rounds)` on a green thread, `rounds` a multiple of `step`.
inline void measure_loop(const Run& run, void (*work)(std::uint64_t), std::uint64_t step) {
  causeway::runtime runtime{options_of(run)};
  double ns = 0;
  on_green([&] { ns = ns_per_round(run, work, step); });
  print(run, "causeway", ns, 0, {{"loop_ns", loop_ns()}});
}

void yield_row(const Run& run);              // meeting.cc
void ping_pong_row(const Run& run);          // meeting.cc
void spawn_join_row(const Run& run);         // meeting.cc
void buffered_row(const Run& run);           // channels.cc
void buffered_many_row(const Run& run);      // channels.cc
void mutex_row(const Run& run);              // locks.cc
void mutex_brief_row(const Run& run);        // locks.cc
void semaphore_row(const Run& run);          // locks.cc
void select_row(const Run& run);             // channels.cc
void sleepers_row(const Run& run);           // sleepers.cc
void ready_run_row(const Run& run);          // ready_run.cc
void echo_server_row(const Run& run);        // echo_server.cc
void parked_row(const Run& run);             // memory.cc
void churn_row(const Run& run);              // memory.cc
void idle_row(const Run& run);               // idle.cc
void call_in_row(const Run& run);            // calls_in.cc
void closure_row(const Run& run);            // closures.cc
void exception_row(const Run& run);          // exceptions.cc
void first_call_row(const Run& run);         // calls_in.cc
void alternate_row(const Run& run);          // calls_in.cc
void call_latency_row(const Run& run);       // calls_in.cc
void call_out_row(const Run& run);           // calls_out.cc
void call_in_run_time_row(const Run& run);   // calls_run_time.cc
void call_out_run_time_row(const Run& run);  // calls_run_time.cc
void nested_row(const Run& run);             // calls_out.cc
void handle_get_row(const Run& run);         // handles.cc
void post_row(const Run& run);               // posts.cc
void traceback_row(const Run& run);          // tracebacks.cc
void parked_posts_row(const Run& run);       // posts.cc
void stop_row(const Run& run);               // stops.cc

}  // namespace bench
