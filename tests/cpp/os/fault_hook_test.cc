// SPDX-License-Identifier: MIT
//
// Guards: the seam that later tests rely on to make the N-th call fail: too early, too late, or for ever when once was asked.
#include "runtime/os/fault_hook.hpp"

#include <doctest/doctest.h>

#include <cerrno>

#include "runtime/os/os.hpp"

using namespace causeway;
using os::FaultPoint;
namespace testing_ = os::testing;

namespace {

struct Scope {
  ~Scope() { testing_::clear_faults(); }
};

// Which of the next five maps fail, as bits.
unsigned failing_maps() {
  unsigned bits = 0;
  for (unsigned i = 0; i < 5; ++i) {
    void* at = os::map_reserve(4096);
    if (at == nullptr) {
      bits |= 1u << i;
      CHECK(errno == ENFILE);
    } else {
      os::unmap(at, 4096);
    }
  }
  return bits;
}

}  // namespace

TEST_CASE("without a plan nothing fails") { CHECK(failing_maps() == 0); }

TEST_CASE("the third call fails, once or from then on") {
  Scope scope;
  testing_::fail_next(FaultPoint::Map, 3, false, ENFILE);
  CHECK(failing_maps() == 0b00100);
  CHECK(testing_::fault_calls(FaultPoint::Map) == 5);
  testing_::fail_next(FaultPoint::Map, 3, true, ENFILE);
  CHECK(failing_maps() == 0b11100);
  testing_::clear_faults();
  CHECK(failing_maps() == 0);
}

TEST_CASE("each point has a plan of its own") {
  Scope scope;
  testing_::fail_next(FaultPoint::Guard, 1, true, EIO);
  testing_::fail_next(FaultPoint::Protect, 1, true, EPERM);
  CHECK(failing_maps() == 0);
  void* at = os::map_reserve(os::page_size());
  REQUIRE(at != nullptr);
  CHECK_FALSE(os::guard_install(at, os::page_size()));
  CHECK(errno == EIO);
  CHECK_FALSE(os::protect_none(at, os::page_size()));
  CHECK(errno == EPERM);
  testing_::fail_next(FaultPoint::Unmap, 1, false, ENOMEM);
  CHECK_FALSE(os::unmap(at, os::page_size()));
  CHECK(os::unmap(at, os::page_size()));
}
