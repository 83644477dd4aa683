// SPDX-License-Identifier: MIT
//
// Guards: more processors than the process may use.
#include "runtime/os/cpu.hpp"

#include <doctest/doctest.h>
#include <sched.h>

#include <thread>

#include "runtime/os/os.hpp"

using namespace causeway;

TEST_CASE("at least one, at most the affinity mask and the quota") {
  cpu_set_t mask;
  REQUIRE(sched_getaffinity(0, sizeof mask, &mask) == 0);
  const unsigned n = os::processors_available();
  CHECK(n >= 1);
  CHECK(n <= static_cast<unsigned>(CPU_COUNT(&mask)));
  const unsigned limit = os::cgroup::cpu_limit();
  if (limit != os::cgroup::kNoLimit) CHECK(n <= limit);
}

TEST_CASE("a thread bound to one CPU counts one") {
  std::thread([] {
    cpu_set_t mask, one;
    REQUIRE(sched_getaffinity(0, sizeof mask, &mask) == 0);
    int cpu = 0;
    while (!CPU_ISSET(cpu, &mask)) ++cpu;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(os::processors_available() == 1);
  }).join();
}
