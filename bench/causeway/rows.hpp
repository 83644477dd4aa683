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

void yield_row(const Run& run);       // meeting.cc
void ping_pong_row(const Run& run);   // meeting.cc
void spawn_join_row(const Run& run);  // meeting.cc
void parked_row(const Run& run);      // memory.cc
void churn_row(const Run& run);       // memory.cc
void idle_row(const Run& run);        // idle.cc

}  // namespace bench
