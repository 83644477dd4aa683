// SPDX-License-Identifier: MIT
//
// Guards: a registration that says yes and does not hold, and a refusal later that goes unnoticed.
#include "runtime/os/membarrier.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <thread>

#include "runtime/os/os.hpp"
#include "tests/cpp/base/child.hpp"
#include "tests/cpp/base/sandbox.hpp"

using namespace causeway;
using test::forbid_membarrier;

TEST_CASE("registering twice is as good as once, from any thread, and membarrier works then") {
  if (!os::membarrier_register()) return;
  CHECK(os::membarrier_register());
  errno = EDOM;
  os::membarrier();
  CHECK(errno == EDOM);
  std::thread([] { os::membarrier(); }).join();
}

TEST_CASE("a forked child may use it without registering again") {
  if (!os::membarrier_register()) return;
  const auto end = test::run_child([] {
    os::membarrier();
    _exit(0);
  });
  CHECK(end.exit_status == 0);
}

TEST_CASE("a sandbox is found at registration, and is fatal with a way out when it comes later") {
  constexpr int kNoFilters = 77;
  auto end = test::run_child([] {
    if (!forbid_membarrier()) _exit(kNoFilters);
    errno = EDOM;
    _exit(os::membarrier_register() ? 1 : errno == EDOM ? 0 : 2);
  });
  if (end.exit_status == kNoFilters || !os::membarrier_register()) return;
  CHECK(end.exit_status == 0);
  end = test::run_child([] {
    if (!os::membarrier_register()) _exit(1);
    forbid_membarrier();
    os::membarrier();
  });
  CHECK(end.signal == SIGABRT);
  CHECK(end.text.find("causeway: fatal: invariant: membarrier") == 0);
  CHECK(end.text.find("barrier=fence") != std::string::npos);
}
