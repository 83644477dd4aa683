// SPDX-License-Identifier: MIT
//
// Risk: without light guards the mappings run out, or slots beyond the budget are taken for guarded ones.
#include "runtime/stack/guard_maker.hpp"

#include <doctest/doctest.h>

#include "runtime/os/os.hpp"
#include "tests/cpp/stack/child.hpp"

using namespace causeway;
using stack::GuardKind;

namespace {

bool touching_faults(volatile std::byte* at) {
  return stack_test::in_child([&] {
           *at = std::byte{1};
           return true;
         })
      .faulted();
}

// Six slots of one page of stack above one page of guard.
struct SixSlots {
  SixSlots() {
    REQUIRE(low != nullptr);
    for (size_t i = 0; i < 6; ++i) lows[i] = low + (2 * i + 1) * page;
  }
  ~SixSlots() { os::unmap(low, 12 * page); }
  const size_t page = os::page_size();
  std::byte* low = static_cast<std::byte*>(os::map_reserve(12 * page));
  std::byte* lows[6];
  GuardKind kinds[6];
};

}  // namespace

TEST_CASE("without light guards the first slots get PROT_NONE, those beyond the budget are watched") {
  // Budget 4 of 6, in batches of 3: the budget ends inside the second batch.
  SixSlots slots;
  stack::GuardMaker maker;
  maker.start(false, 4, slots.page);
  CHECK(maker.next_kind() == GuardKind::Protect);
  CHECK(maker.install({slots.lows, 3}, {slots.kinds, 3}) == 3);
  CHECK_FALSE(maker.any_watched());
  CHECK(maker.install({slots.lows + 3, 3}, {slots.kinds + 3, 3}) == 3);
  CHECK(maker.any_watched());
  CHECK(maker.next_kind() == GuardKind::Watch);
  for (size_t i = 0; i < 6; ++i) {
    CHECK(slots.kinds[i] == (i < 4 ? GuardKind::Protect : GuardKind::Watch));
    CHECK(touching_faults(slots.lows[i] - 1) == (i < 4));
    CHECK_FALSE(touching_faults(slots.lows[i]));
  }
}

TEST_CASE("a PROT_NONE guard that cannot be had stops the batch there") {
  SixSlots slots;
  stack::GuardMaker maker;
  maker.start(false, 100, slots.page);
  os::testing::fail_next(os::FaultPoint::Protect, 3, false, ENOMEM);
  CHECK(maker.install({slots.lows, 6}, {slots.kinds, 6}) == 2);
  CHECK(errno == ENOMEM);
  os::testing::clear_faults();
}

TEST_CASE("light guards are the first choice where they have an effect") {
  SixSlots slots;
  stack::GuardMaker maker;
  maker.start(true, 4, slots.page);
  const bool light = stack::probe_light_guards();
  CHECK((maker.next_kind() == GuardKind::Light) == light);
  CHECK(maker.install({slots.lows, 6}, {slots.kinds, 6}) == 6);
  CHECK(slots.kinds[5] == (light ? GuardKind::Light : GuardKind::Watch));
}
