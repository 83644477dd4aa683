// SPDX-License-Identifier: MIT
//
// What the tests of the C functions share: options with one field changed, a runtime that must end clean, the environment.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "causeway/causeway.h"
#include "doctest/doctest.h"

namespace capi_test {

inline constexpr uint64_t kLimitNs = 30'000'000'000;  // far longer than anything here takes

inline cw_options options() {
  cw_options o;
  REQUIRE(cw_options_init(&o) == CW_OK);
  o.processors = 2;
  return o;
}

inline cw_stats stats() {
  cw_stats s;
  REQUIRE(cw_stats_init(&s) == CW_OK);
  REQUIRE(cw_runtime_stats(&s) == CW_OK);
  return s;
}

inline bool last_error_has(const char* text) { return std::string(cw_last_error()).find(text) != std::string::npos; }

// At its end nothing may be left: no green thread, and no handle more than before.
class Runtime {
 public:
  explicit Runtime(const cw_options& o = options()) : handles_(stats().handles_live) {
    const cw_status status = cw_runtime_start(&o);
    REQUIRE_MESSAGE(status == CW_OK, cw_last_error());
  }
  ~Runtime() {
    const cw_status status = cw_runtime_stop(kLimitNs);
    CHECK_MESSAGE(status == CW_OK, cw_last_error());
    CHECK(stats().greens == 0);
    CHECK(stats().handles_live == handles_);
  }
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

 private:
  uint64_t handles_;
};

// Sets a variable of the environment and puts it back. The tests of this program start no thread of their own meanwhile.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before, had_ = true;
    setenv(name, value, 1);
  }
  ~Environment() {
    if (had_) setenv(name_, before_.c_str(), 1);
    else unsetenv(name_);
  }

 private:
  const char* name_;
  std::string before_;
  bool had_ = false;
};

template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(kLimitNs);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    cw_green_yield();
  }
  return true;
}

}  // namespace capi_test
