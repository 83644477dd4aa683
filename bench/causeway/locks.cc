// SPDX-License-Identifier: MIT
//
// Rows mutex and semaphore: what a critical section costs when 100 green threads want it.
//
// Isolated: taking and giving back, with the queues and the hand-overs that competition brings. The section itself bumps a number.
// Excluded: starting the green threads (once per run, not per round). The same loops are in bench/peers/go/locks.go.
#include "bench/causeway/rows.hpp"

namespace bench {
namespace {

constexpr std::uint64_t kThreads = 100;

// One round: lock, bump, yield, unlock. The owner leaves in the middle, so everybody else finds the mutex taken and waits for it.
void mutex_held(std::uint64_t rounds) {
  causeway::mutex mutex;
  std::uint64_t number = 0;
  in_shares(kThreads, rounds, [&](std::uint64_t share) {
    for (std::uint64_t i = 0; i < share; ++i) {
      const std::lock_guard hold(mutex);
      ++number;
      causeway::this_green::yield();
    }
  });
  if (number != rounds) { std::abort(); }
}

// One round: lock, bump, unlock. Nobody waits inside, so on one processor it is only the clock that makes others wait.
void mutex_brief(std::uint64_t rounds) {
  causeway::mutex mutex;
  std::uint64_t number = 0;
  in_shares(kThreads, rounds, [&](std::uint64_t share) {
    for (std::uint64_t i = 0; i < share; ++i) {
      const std::lock_guard hold(mutex);
      ++number;
    }
  });
  if (number != rounds) { std::abort(); }
}

constexpr std::int64_t kPlaces = 4;

// One round: acquire, yield, release. Four are inside at a time and the others wait.
void semaphore_held(std::uint64_t rounds) {
  causeway::semaphore places(kPlaces);
  in_shares(kThreads, rounds, [&](std::uint64_t share) {
    for (std::uint64_t i = 0; i < share; ++i) {
      places.acquire();
      causeway::this_green::yield();
      places.release();
    }
  });
}

}  // namespace

void mutex_row(const Run& run) { measure_loop(run, mutex_held, kThreads); }
void mutex_brief_row(const Run& run) { measure_loop(run, mutex_brief, kThreads); }
void semaphore_row(const Run& run) { measure_loop(run, semaphore_held, kThreads); }

}  // namespace bench
