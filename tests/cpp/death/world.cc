// SPDX-License-Identifier: MIT
//
// Check mode `world`: the function of a stop that calls what is not async-signal-safe.
//
// Risk: a stop that hangs one time in a thousand, because the thread that was stopped had malloc's lock. So it is told the first time.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>

#include "causeway/causeway.hpp"
#include "tests/cpp/death/death.hpp"

namespace {

void* volatile kept;

void stop_world(cw_fn fn) {
  causeway::options options;
  options.check = "world";
  const causeway::runtime runtime(options);
  // Others may: the world of C goes on.
  causeway::enter([] { kept = std::malloc(100); });
  if (cw_world_run(CW_FOREVER, fn, nullptr) != CW_OK) std::puts(cw_last_error());
}

void allocates() {
  stop_world([](void*) { kept = std::malloc(1000); });
}
void allocates_by_new() {
  stop_world([](void*) { kept = new std::string(1000, 'x'); });
}
void prints() {
  stop_world([](void*) { std::printf("%d\n", 5); });
}
void locks() {
  stop_world([](void*) {
    static std::mutex mutex;
    const std::lock_guard guard(mutex);
  });
}
void leaves() {
  stop_world([](void*) { std::exit(0); });
}
void is_good() {
  stop_world([](void*) { cw_world_visit([](const cw_segment*, void*) { return 0; }, nullptr); });
  std::free(kept);
  std::puts("and afterwards all is as before");
}

death::Expected called(const char* name) {
  return {.signal = SIGABRT, .printed = {std::string("causeway: fatal: invariant: the function of cw_world_run() called ") + name}};
}

}  // namespace

const std::vector<death::Case>& death::world_cases() {
  static const std::vector<Case> cases{
      {"stop_function_that_allocates", allocates, called("malloc, ")},
      {"stop_function_that_says_new", allocates_by_new, called("malloc, ")},
      {"stop_function_that_prints", prints, called("p")},
      {"stop_function_that_locks", locks, called("pthread_mutex_lock, ")},
      {"stop_function_that_leaves", leaves, called("exit, ")},
      {"stop_function_that_does_nothing_wrong", is_good, {}},
  };
  return cases;
}
