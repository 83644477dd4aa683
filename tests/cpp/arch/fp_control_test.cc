// SPDX-License-Identifier: MIT
//
// The floating-point control word belongs to the context (INV-AR3): rounding or flush-to-zero that one green thread sets must not
// leak into another, and must still be set when it goes on. Sticky exception flags are not covered: the ABI gives them to nobody.
#include <doctest/doctest.h>

#include <cfenv>
#include <cstring>

#include "tests/cpp/arch/probe.hpp"
#include "tests/cpp/arch/support.hpp"

namespace causeway::arch::test {
namespace {

// Number of the setting that is in force; -1 for none of them.
int current_setting() {
  std::uint64_t now[2];
  cw_test_read_fp_control(now);
  for (int i = 0; i < 4; ++i) {
    if (std::memcmp(now, cw_test_fp_controls[i], sizeof(now)) == 0) return i;
  }
  return -1;
}

void use_setting(int number) { cw_test_write_fp_control(cw_test_fp_controls[number]); }

// A failing case must not hand its setting to the next one.
struct RestoreSetting {
  ~RestoreSetting() { use_setting(0); }
};

TEST_CASE("each context has its own floating-point control word") {
  RestoreSetting restore;
  // Every pair of settings: alike ones take the path that loads nothing, others differ in one word, the other, or both.
  for (int inside = 0; inside < 4; ++inside) {
    for (int outside = 0; outside < 4; ++outside) {
      CAPTURE(inside);
      CAPTURE(outside);
      int seen[3] = {-1, -1, -1};
      use_setting(0);
      Context context([&](Context& self) {
        use_setting(inside);
        for (int& slot : seen) {
          self.suspend();
          slot = current_setting();
        }
      });
      context.resume();
      CHECK(current_setting() == 0);
      use_setting(outside);
      while (!context.done()) {
        context.resume();
        CHECK(current_setting() == outside);
      }
      for (const int got : seen) CHECK(got == inside);
    }
  }
}

TEST_CASE("a new context starts with the control word of a process, whoever enters it") {
  RestoreSetting restore;
  for (int outside = 0; outside < 4; ++outside) {
    CAPTURE(outside);
    int at_preparation = -1;
    use_setting(outside);
    Context context([&](Context&) { at_preparation = current_setting(); });
    context.resume();
    CHECK(at_preparation == 0);
    CHECK(current_setting() == outside);
  }
}

// volatile: the division happens here and now, not at compile time.
double third() {
  volatile double one = 1.0;
  volatile double three = 3.0;
  return one / three;
}

TEST_CASE("rounding that a context chooses holds for its own arithmetic only") {
  RestoreSetting restore;
  const double nearest = third();
  double upward = 0;
  int mode = -1;
  Context context([&](Context& self) {
    std::fesetround(FE_UPWARD);
    self.suspend();
    upward = third();
    mode = std::fegetround();
  });
  context.resume();
  CHECK(third() == nearest);
  CHECK(std::fegetround() == FE_TONEAREST);
  context.resume();
  CHECK(mode == FE_UPWARD);
  CHECK(upward > nearest);
  CHECK(third() == nearest);
}

TEST_CASE("a pivot is a call: it neither saves nor changes the control word") {
  RestoreSetting restore;
  TestStack stack;
  int inside = -1;
  use_setting(1);
  pivot(stack, [&] { inside = current_setting(); });
  CHECK(inside == 1);
  CHECK(current_setting() == 1);
}

}  // namespace
}  // namespace causeway::arch::test
