// SPDX-License-Identifier: MIT
//
// Risk: the high-water mark is off by a page or a whole chunk, or looking makes pages resident.
#include "runtime/stack/residency.hpp"

#include <doctest/doctest.h>

#include "runtime/os/os.hpp"

using namespace causeway;

TEST_CASE("the high-water mark is the deepest touched page, and looking touches none") {
  // 1 MiB is 256 pages of 4 KiB: more than the 64 that are looked at together.
  const size_t bytes = size_t{1} << 20;
  const size_t page = os::page_size();
  auto* low = static_cast<std::byte*>(os::map_reserve(bytes));
  REQUIRE(low != nullptr);
  os::advise_no_huge(low, bytes);
  const stack::Stack whole{low, low + bytes};
  CHECK(stack::high_water_bytes(whole) == 0);
  CHECK(stack::resident_bytes(low, bytes) == 0);

  low[bytes - 1] = std::byte{1};
  CHECK(stack::high_water_bytes(whole) == page);
  low[bytes - 100 * page] = std::byte{1};  // in the second chunk from the top
  CHECK(stack::high_water_bytes(whole) == 100 * page);
  CHECK(stack::resident_bytes(low, bytes) == 2 * page);
  low[0] = std::byte{1};
  CHECK(stack::high_water_bytes(whole) == bytes);

  os::advise_dontneed(low, bytes);
  CHECK(stack::high_water_bytes(whole) == 0);
  os::unmap(low, bytes);
}
