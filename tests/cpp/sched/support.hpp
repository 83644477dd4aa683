// SPDX-License-Identifier: MIT
//
// What the scheduler's tests share: a runtime that must end clean, latches with a deadline, and what the kernel says about this process.
#pragma once

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include "causeway/causeway.hpp"
#include "doctest/doctest.h"

namespace sched_test {

using namespace std::chrono_literals;

// Far longer than anything here takes on a loaded machine under a sanitizer.
inline constexpr auto kLimit = 30s;

// A runtime whose end is checked: it stops, and no green thread is left.
class Runtime {
 public:
  explicit Runtime(unsigned processors, const char* check = "") : Runtime(make(processors, check)) {}
  explicit Runtime(const causeway::options& options) : runtime_(options) {}
  ~Runtime() {
    const cw_status status = runtime_.stop(kLimit);
    CHECK_MESSAGE(status == CW_OK, cw_last_error());
    CHECK(causeway::stats().greens == 0);
  }

 private:
  static causeway::options make(unsigned processors, const char* check) {
    causeway::options options;
    options.processors = processors;
    options.check = check;
    return options;
  }
  causeway::runtime runtime_;
};

// Yields until the condition holds. False: not within the limit.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kLimit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    causeway::this_green::yield();
    if (cw_on_green() == 0) std::this_thread::yield();
  }
  return true;
}

// What a call that must throw causeway::error threw; CW_OK if it did not.
template <class Body>
cw_status status_of(Body body) {
  try {
    body();
  } catch (const causeway::error& e) { return e.status(); }
  return CW_OK;
}

inline int tid() { return static_cast<int>(syscall(SYS_gettid)); }

// How many entries a directory of /proc/self has: "task" for threads, "fd" for descriptors.
inline int count_entries(const char* what) {
  DIR* dir = opendir((std::string("/proc/self/") + what).c_str());
  if (dir == nullptr) return -1;
  int n = 0;
  while (const dirent* entry = readdir(dir)) n += entry->d_name[0] != '.';
  closedir(dir);
  return n;
}

// Lines of /proc/self/maps.
inline int count_maps() {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  int n = 0;
  while (std::getline(maps, line)) ++n;
  return n;
}

}  // namespace sched_test
