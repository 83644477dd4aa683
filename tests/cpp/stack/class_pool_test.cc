// SPDX-License-Identifier: MIT
//
// Risk: a promise is made that no stack backs (a first run would fail), or a failed preparation loses slots or mappings for good.
//
// Slabs of 4 MiB hold three stacks of 1 MiB, so that slabs run out inside a batch of 32.
#include "runtime/stack/class_pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "runtime/os/os.hpp"
#include "tests/cpp/stack/child.hpp"

using namespace causeway;
using stack::SlotState;
using stack::StackClass;

namespace {

struct OneClass {
  explicit OneClass(StackClass stack_class) {
    REQUIRE(slabs.start(size_t{4} << 20, 0).has_value());
    guards.start(true, 1000, slabs.guard_bytes());
    pool.start(slabs, guards, stack_class);
  }
  ~OneClass() {
    os::testing::clear_faults();
    pool.check();
    slabs.stop();
  }
  std::vector<std::byte*> take(uint32_t n) {
    std::vector<std::byte*> stacks(n);
    pool.take(stacks, SlotState::Bound);
    return stacks;
  }
  stack::SlabTable slabs;
  stack::GuardMaker guards;
  stack::ClassPool pool;
};

}  // namespace

TEST_CASE("fresh stacks come in address order within a slab") {
  OneClass one(StackClass::k16K);
  REQUIRE(*one.pool.promise(100) == 100);
  const auto stacks = one.take(100);
  CHECK(std::is_sorted(stacks.begin(), stacks.end()));
  CHECK(one.pool.put(stacks, SlotState::Bound, 0) == 0);
}

TEST_CASE("released stacks come back last in first out, before any cold one") {
  OneClass one(StackClass::k16K);
  REQUIRE(*one.pool.promise(4) == 4);
  const auto first = one.take(3);
  one.pool.put(first, SlotState::Bound, 2);
  CHECK(one.take(2) == std::vector<std::byte*>{first[2], first[1]});
}

TEST_CASE("promises are cut to what can be backed, and none at all is CW_E_NOMEM with the errno") {
  // Room for two slabs of three: 6 of the 10 promises, then none; the mapping that fails is the third slab's.
  OneClass one(StackClass::k1M);
  REQUIRE(*one.pool.promise(6) == 6);
  os::testing::fail_next(os::FaultPoint::Map, 1, true, ENOMEM);
  one.pool.unpromise(2);
  CHECK(*one.pool.promise(10) == 2);
  const auto none = one.pool.promise(1);
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().code == CW_E_NOMEM);
  CHECK(none.error().sys_errno == ENOMEM);
  one.pool.check();
  // What was promised is there.
  auto stacks = one.take(6);
  std::sort(stacks.begin(), stacks.end());
  CHECK(std::unique(stacks.begin(), stacks.end()) == stacks.end());
  os::testing::clear_faults();
  CHECK(*one.pool.promise(10) == 10);
}

TEST_CASE("slots whose guard could not be installed are tried again, none is lost") {
  // All guards fail, whatever their kind; then none does. 200 stacks of 16 KiB are one slab's worth.
  OneClass one(StackClass::k16K);
  os::testing::fail_next(os::FaultPoint::Guard, 1, true, ENOMEM);
  if (one.guards.next_kind() != stack::GuardKind::Light) os::testing::fail_next(os::FaultPoint::Protect, 1, true, ENOMEM);
  for (int i = 0; i < 3; ++i) {
    const auto none = one.pool.promise(5);
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code == CW_E_NOMEM);
    CHECK(none.error().sys_errno == ENOMEM);
  }
  CHECK(one.pool.stats().prepared == 0);
  os::testing::clear_faults();
  CHECK(*one.pool.promise(200) == 200);
  CHECK(one.slabs.count() == 1);
  const auto stacks = one.take(200);
  CHECK(*std::min_element(stacks.begin(), stacks.end()) == one.slabs.low_of(0));
}

TEST_CASE("taking without a promise and giving back twice end the process") {
  OneClass one(StackClass::k16K);
  CHECK(stack_test::in_child([&] {
          one.take(1);
          return true;
        }).says("a stack was bound without a reservation"));
  REQUIRE(*one.pool.promise(1) == 1);
  const auto stacks = one.take(1);
  const auto twice = stack_test::in_child([&] {
    one.pool.put(stacks, SlotState::Bound, 0);
    one.pool.put(stacks, SlotState::Bound, 0);
    return true;
  });
  CHECK(twice.says("causeway: fatal: invariant: "));
  CHECK(twice.says("a stack was released twice (INV-ST2)"));
  const auto wrong_low = stack_test::in_child([&] {
    std::byte* inside = stacks[0] + 16;
    one.pool.put({&inside, 1}, SlotState::Bound, 0);
    return true;
  });
  CHECK(wrong_low.says("wrong low end"));
}
