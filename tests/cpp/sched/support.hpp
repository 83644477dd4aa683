// SPDX-License-Identifier: MIT
//
// What the scheduler's tests share: a runtime that must end clean, latches with a deadline, and what the kernel says about this process.
#pragma once

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <utility>

#include "causeway/causeway.hpp"
#include "doctest/doctest.h"
#include "tests/cpp/waiting.hpp"

namespace sched_test {

using namespace std::chrono_literals;

using waiting::eventually;
using waiting::kLimit;
using waiting::status_of;

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

// A value whose lives and copies are counted.
struct Counted {
  static inline std::atomic<int> alive{0}, copies{0};
  explicit Counted(int v) : value(v) { ++alive; }
  Counted(const Counted& other) : value(other.value) { ++alive, ++copies; }
  Counted(Counted&& other) noexcept : value(other.value) { ++alive; }
  ~Counted() { --alive; }
  int value;
};

// errno of the thread that runs now. Not inlined, so that no address of it is kept over a switch by the test itself.
[[gnu::noinline]] inline int get_errno() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return errno;
}
[[gnu::noinline]] inline void set_errno(int value) {
  errno = value;
  std::atomic_signal_fence(std::memory_order_seq_cst);
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
