// SPDX-License-Identifier: MIT
//
// What the stress programs share: a seed that is printed, a time box, and an end that is checked.
//
// A stress program takes the seed as its argument, or from the clock. It runs for 3 s, with CAUSEWAY_TEST_LONG=1 for 60 s, and exits 0 if
// every count was right. A watchdog ends it with a message when it takes a minute longer: a hang is a failure with a seed.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "causeway/causeway.hpp"

namespace stress {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

inline bool long_mode() {
  const char* text = std::getenv("CAUSEWAY_TEST_LONG");
  return text != nullptr && std::strcmp(text, "1") == 0;
}

inline Clock::duration time_box() { return long_mode() ? 60s : 3s; }

inline uint64_t seed_of(int argc, char** argv) {
  const uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : static_cast<uint64_t>(Clock::now().time_since_epoch().count());
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

// xorshift64*: small, one per party, so that a party's choices depend on the seed alone.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL | 1) {}
  uint32_t below(uint32_t n) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<uint32_t>((state_ * 0x2545f4914f6cdd1dULL) >> 33) % n;
  }

 private:
  uint64_t state_;
};

// Ends the process by SIGABRT when it is not over in time. It must not disturb what is watched: a child process, not a thread.
class Watchdog {
 public:
  Watchdog() : child_(fork()) {
    if (child_ != 0) return;
    const pid_t parent = getppid();
    const auto end = Clock::now() + time_box() + 60s;
    while (Clock::now() < end) {
      if (getppid() != parent) _exit(0);
      usleep(200'000);
    }
    static constexpr char kText[] = "stress: hung; see the seed above\n";
    if (write(2, kText, sizeof kText - 1) < 0) _exit(1);
    kill(parent, SIGABRT);
    _exit(0);
  }
  ~Watchdog() {
    if (child_ > 0) kill(child_, SIGKILL);
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  pid_t child_;
};

[[noreturn]] inline void fail(const char* what, const char* detail = "") {
  std::fprintf(stderr, "stress: failed: %s %s\n", what, detail);
  std::abort();
}

inline void require(bool good, const char* what, const char* detail = "") {
  if (!good) fail(what, detail);
}

}  // namespace stress
