// SPDX-License-Identifier: MIT
//
// Guards: a value that is lost, copied or destroyed twice on its way through a Result.
#include "runtime/base/result.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <memory>

#include "tests/cpp/base/child.hpp"

using namespace causeway;
using base::fail;
using base::Result;

namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(CW_E_INVALID, "an odd number has no half", EDOM);
  return n / 2;
}
Result<void> even(int n) {
  if (n % 2 != 0) return fail(CW_E_STATE, "odd");
  return {};
}

struct Counted {
  explicit Counted(int* alive) : alive_(alive) { ++*alive_; }
  Counted(Counted&& other) noexcept : alive_(other.alive_) { ++*alive_; }
  ~Counted() { --*alive_; }
  int* alive_;
};

}  // namespace

TEST_CASE("a Result holds its value or its error, with the errno") {
  CHECK(half(8).has_value());
  CHECK(*half(8) == 4);
  const auto failed = half(7);
  CHECK_FALSE(failed);
  CHECK(failed.error().code == CW_E_INVALID);
  CHECK(failed.error().sys_errno == EDOM);
  CHECK(std::string_view(failed.error().text) == "an odd number has no half");
  CHECK(failed.value_or(3) == 3);
  CHECK(half(8).value_or(3) == 4);
}

TEST_CASE("Result<void> is success by default") {
  CHECK(even(2));
  CHECK(even(3).error().code == CW_E_STATE);
}

TEST_CASE("a value that can only be moved goes in and out") {
  Result<std::unique_ptr<int>> held = std::make_unique<int>(5);
  CHECK(**held == 5);
  std::unique_ptr<int> taken = *std::move(held);
  CHECK(*taken == 5);
  Result<std::unique_ptr<int>> again = std::move(taken);
  CHECK(again->get() != nullptr);
}

TEST_CASE("the value is destroyed exactly once") {
  int alive = 0;
  {
    Result<Counted> one = Counted(&alive);
    CHECK(alive == 1);
    Result<Counted> two = std::move(one);
    CHECK(alive == 2);  // the moved-from one is still an object
  }
  CHECK(alive == 0);
}

#if CW_DEBUG_CHECKS
TEST_CASE("debug checks: asking for what is not there ends the process") {
  CHECK(test::run_child([] { [[maybe_unused]] const int n = *half(7); }).text.find("invariant: the value of a Result") !=
        std::string::npos);
  CHECK(test::run_child([] { [[maybe_unused]] const auto e = half(8).error(); }).text.find("invariant: error() of a Result") !=
        std::string::npos);
}
#endif
