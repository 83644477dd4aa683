// SPDX-License-Identifier: MIT
//
// Risk: a guard that is counted as installed does not stop anything. So each is tried by touching it, in a child, on both its edges.
#include "runtime/stack/guard.hpp"

#include <doctest/doctest.h>

#include "runtime/os/os.hpp"
#include "tests/cpp/stack/child.hpp"

using namespace causeway;

namespace {

struct Pages {
  explicit Pages(size_t n) : bytes(n * os::page_size()), low(static_cast<std::byte*>(os::map_reserve(bytes))) { REQUIRE(low != nullptr); }
  ~Pages() { os::unmap(low, bytes); }
  size_t bytes;
  std::byte* low;
};

bool touching_faults(volatile std::byte* at) {
  return stack_test::in_child([&] {
           *at = std::byte{1};
           return true;
         })
      .faulted();
}

}  // namespace

TEST_CASE("light guards, where the probe believes in them, stop a touch on their first and last byte and nothing beside") {
  if (!stack::probe_light_guards()) {
    MESSAGE("no light guards here: the probe found no effect");
    return;
  }
  // Two pages of guard each, four of them, so that the batch takes more than one range and more than one page.
  const size_t page = os::page_size();
  Pages pages(16);
  std::byte* guards[4];
  for (size_t i = 0; i < 4; ++i) guards[i] = pages.low + (4 * i + 1) * page;
  REQUIRE(stack::install_light_guards(guards, 2 * page) == 4);
  for (std::byte* guard : guards) {
    CHECK(touching_faults(guard));
    CHECK(touching_faults(guard + 2 * page - 1));
    CHECK_FALSE(touching_faults(guard - 1));
    CHECK_FALSE(touching_faults(guard + 2 * page));
  }
  SUBCASE("they stay when the pages around them are returned") {
    os::advise_dontneed(pages.low, pages.bytes);
    CHECK(touching_faults(guards[2]));
  }
}

TEST_CASE("a page is believed to be guarded only if the kernel refuses to write into it") {
  // What an emulator leaves behind that answers 0 and guards nothing is an open page; PROT_NONE stands for a guard that works, everywhere.
  Pages pages(2);
  CHECK_FALSE(stack::kernel_refuses_to_write(pages.low));
  REQUIRE(os::protect_none(pages.low + os::page_size(), os::page_size()));
  CHECK(stack::kernel_refuses_to_write(pages.low + os::page_size()));
}

TEST_CASE("the probe says no when the kernel has no light guards") {
  os::testing::fail_next(os::FaultPoint::Guard, 1, true, EINVAL);
  CHECK_FALSE(stack::probe_light_guards());
  os::testing::clear_faults();
}

TEST_CASE("an installation that runs out of memory says how many guards are in place") {
  if (!stack::probe_light_guards()) return;
  const size_t page = os::page_size();
  Pages pages(8);
  std::byte* guards[] = {pages.low + page, pages.low + 3 * page, pages.low + 5 * page};
  // For good: after the batch the guards are tried one by one.
  os::testing::fail_next(os::FaultPoint::Guard, 1, true, ENOMEM);
  CHECK(stack::install_light_guards(guards, page) == 0);
  CHECK(errno == ENOMEM);
  os::testing::clear_faults();
  CHECK(stack::install_light_guards(guards, page) == 3);
}

TEST_CASE("a batch stops at the first guard that the kernel refuses") {
  // The second one is not mapped.
  if (!stack::probe_light_guards()) return;
  const size_t page = os::page_size();
  Pages pages(8);
  auto* gone = static_cast<std::byte*>(os::map_reserve(page));
  os::unmap(gone, page);
  std::byte* guards[] = {pages.low + page, gone, pages.low + 5 * page};
  CHECK(stack::install_light_guards(guards, page) == 1);
  CHECK(touching_faults(guards[0]));
}

TEST_CASE("a watched range is untouched until any word of it is written, and reading it costs no memory") {
  const size_t page = os::page_size();
  Pages pages(2);
  CHECK(stack::watched_range_untouched(pages.low, 2 * page));
  for (const size_t at : {size_t{0}, page - 8, page, 2 * page - 1}) {
    pages.low[at] = std::byte{1};
    CHECK_FALSE(stack::watched_range_untouched(pages.low, 2 * page));
    pages.low[at] = std::byte{0};
  }
}
