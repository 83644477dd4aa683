// SPDX-License-Identifier: MIT
#include "tests/cpp/oom/limits.hpp"

#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>

#include "tests/cpp/oom/scenario.hpp"

namespace oom {
namespace {

constexpr uint64_t kLimitNs = 30'000'000'000;
constexpr uid_t kNobody = 65534;

// The soft limit is `value` as long as this lives.
class Limited {
 public:
  Limited(decltype(RLIMIT_AS) which, rlim_t value) : which_(which) {
    must(getrlimit(which, &before_) == 0, "getrlimit");
    rlimit now = before_;
    now.rlim_cur = value;
    must(setrlimit(which, &now) == 0, "setrlimit");
  }
  ~Limited() { setrlimit(which_, &before_); }
  Limited(const Limited&) = delete;
  Limited& operator=(const Limited&) = delete;

 private:
  decltype(RLIMIT_AS) which_;
  rlimit before_{};
};

rlim_t address_space_in_use() {
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

void works_now() {
  must(cw_runtime_start(nullptr) == CW_OK, "a start without the limit");
  {
    auto task = causeway::spawn([] { return 5; });
    must(task.join() == 5, "a green thread without the limit");
  }
  must(cw_runtime_stop(kLimitNs) == CW_OK, "a stop");
}

void start_refused(const char* text) {
  const cw_status status = cw_runtime_start(nullptr);
  must(is_shortage(status), "the start says that there is a shortage");
  if (std::strstr(cw_last_error(), text) == nullptr) {
    std::fprintf(stderr, "the text is: %s\n", cw_last_error());
    wrong("the text does not name the limit");
  }
}

// The address space has room for what is there and 1 MiB, which the tables of the stacks alone exceed.
void address_space() {
  works_now();
  {
    const Limited limited(RLIMIT_AS, address_space_in_use() + (rlim_t{1} << 20));
    start_refused("no ");
  }
  works_now();
}

// The runtime runs; then there is no room for one more slab.
void address_space_at_spawn() {
  must(cw_runtime_start(nullptr) == CW_OK, "a start without the limit");
  {
    const Limited limited(RLIMIT_AS, address_space_in_use() + (rlim_t{16} << 20));
    bool refused = false;
    try {
      causeway::spawn({.stack_size = 1 << 20}, [] {}).join();
    } catch (const causeway::error& e) { refused = e.status() == CW_E_NOMEM; }
    must(refused, "the spawn says CW_E_NOMEM");
  }
  causeway::spawn({.stack_size = 1 << 20}, [] {}).join();
  must(cw_runtime_stop(kLimitNs) == CW_OK, "a stop");
}

// One process and no thread more. It does not bind root, so root becomes somebody else here.
void threads() {
  works_now();
  if (geteuid() == 0) must(setresuid(kNobody, kNobody, kNobody) == 0, "setresuid");
  {
    const Limited limited(RLIMIT_NPROC, 1);
    start_refused("no new thread");
  }
  works_now();
}

// Not one descriptor more: the runtime must start and work without any, or say so.
void descriptors() {
  works_now();
  {
    const Limited limited(RLIMIT_NOFILE, 3);
    const cw_status status = cw_runtime_start(nullptr);
    if (status != CW_OK) {
      must(is_shortage(status), "the start says that there is a shortage");
    } else {
      must(causeway::spawn([] { return 5; }).join() == 5, "a green thread without descriptors");
      must(cw_runtime_stop(kLimitNs) == CW_OK, "a stop");
    }
  }
  works_now();
}

}  // namespace

const std::vector<Limit>& limits() {
  static const std::vector<Limit> list = {
      {"RLIMIT_AS at the start", address_space},
      {"RLIMIT_AS at a spawn", address_space_at_spawn},
      {"RLIMIT_NPROC", threads},
      {"RLIMIT_NOFILE", descriptors},
  };
  return list;
}

}  // namespace oom
