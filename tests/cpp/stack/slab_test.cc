// SPDX-License-Identifier: MIT
//
// Risk: an address is given to the wrong slot (a report names the wrong green thread, a release hits a neighbour), most likely at the
// edges of a slot, in the last slot, or with a stride for which the multiplication does not divide exactly.
#include "runtime/stack/slab.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "runtime/os/os.hpp"

using namespace causeway;
using stack::StackClass;

namespace {

constexpr size_t kSmallSlab = size_t{4} << 20;

uintptr_t address(const std::byte* at) { return reinterpret_cast<uintptr_t>(at); }

struct Table {
  Table(size_t slab_bytes, size_t guard_bytes) { REQUIRE(table.start(slab_bytes, guard_bytes).has_value()); }
  ~Table() { table.stop(); }
  stack::SlabTable table;
};

void check_all_slots(stack::SlabTable& table, stack::Slab& slab) {
  const size_t guard = table.guard_bytes();
  const size_t bytes = table.stack_bytes(slab.stack_class);
  size_t wrong = 0;
  for (uint32_t slot = 0; slot < slab.slots; ++slot) {
    const stack::SlotId id = (stack::SlotId{slab.index} << 16) | slot;
    std::byte* low = table.low_of(id);
    if (table.id_of(low) != id) ++wrong;
    struct Probe {
      std::byte* at;
      bool guard;
    };
    for (const Probe probe : {Probe{low - guard, true}, Probe{low - 1, true}, Probe{low, false}, Probe{low + bytes - 1, false}}) {
      const stack::Lookup found = table.lookup(address(probe.at));
      if (!found.found || found.is_guard != probe.guard || found.stack.low != low || found.stack.high != low + bytes || found.bound)
        ++wrong;
    }
  }
  CHECK(wrong == 0);
  std::byte* last = table.low_of((stack::SlotId{slab.index} << 16) | (slab.slots - 1));
  CHECK(last + bytes <= slab.base + table.slab_bytes());
  CHECK_FALSE(table.lookup(address(last + bytes)).found);   // the rest of the slab, or beyond it
  CHECK_FALSE(table.lookup(address(slab.base)).found);      // the records
  CHECK_FALSE(table.lookup(address(slab.base) - 1).found);  // below the slab
}

}  // namespace

TEST_CASE("every byte at the edges of every slot is found in that slot, for all classes and odd guard sizes") {
  // Guards of 1, 2, 3 and 17 pages give strides that do and do not divide 2^32 evenly.
  for (const size_t guard_pages : {1u, 2u, 3u, 17u}) {
    Table fixture(kSmallSlab, guard_pages * os::page_size());
    for (size_t i = 0; i < stack::kClasses; ++i) {
      const auto slab = fixture.table.add(static_cast<StackClass>(i));
      REQUIRE(slab.has_value());
      CHECK((*slab)->slots >= 3);
      check_all_slots(fixture.table, **slab);
    }
    CHECK(fixture.table.count() == 4);
  }
}

TEST_CASE("a slab of the default size holds 3854 stacks of 64 KiB, and its slots are found too") {
  if (os::page_size() != 4096) return;
  Table fixture(size_t{256} << 20, 4096);
  const auto slab = fixture.table.add(StackClass::k64K);
  REQUIRE(slab.has_value());
  CHECK((*slab)->slots == 3854);  // 256 MiB / 68 KiB, less one for the records
  check_all_slots(fixture.table, **slab);
}

TEST_CASE("the largest slab with the smallest class keeps slots within 16 bits and the division exact") {
  Table fixture(size_t{1} << 30, os::page_size());
  const auto slab = fixture.table.add(StackClass::k16K);
  REQUIRE(slab.has_value());
  CHECK((*slab)->slots < UINT16_MAX);
  check_all_slots(fixture.table, **slab);
}

TEST_CASE("a slab never gets huge pages: one touched page stays one page") {
  Table fixture(kSmallSlab, 0);
  const auto slab = fixture.table.add(StackClass::k64K);
  REQUIRE(slab.has_value());
  std::FILE* maps = std::fopen("/proc/self/smaps", "re");
  REQUIRE(maps != nullptr);
  char line[512];
  bool in_slab = false, no_huge = false;
  unsigned long low = 0, high = 0;
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    if (std::sscanf(line, "%lx-%lx ", &low, &high) == 2) in_slab = low <= address((*slab)->base) && address((*slab)->base) < high;
    if (in_slab && std::strncmp(line, "VmFlags:", 8) == 0) no_huge = std::strstr(line, " nh") != nullptr;
  }
  std::fclose(maps);
  if (access("/sys/kernel/mm/transparent_hugepage", F_OK) == 0) CHECK(no_huge);
}

TEST_CASE("addresses that are not ours are not found") {
  Table fixture(kSmallSlab, 0);
  REQUIRE(fixture.table.add(StackClass::k16K).has_value());
  int local = 0;
  CHECK_FALSE(fixture.table.lookup(0).found);
  CHECK_FALSE(fixture.table.lookup(reinterpret_cast<uintptr_t>(&local)).found);
  CHECK_FALSE(fixture.table.lookup(UINTPTR_MAX).found);
  CHECK_FALSE(fixture.table.lookup(uintptr_t{1} << 48).found);
}

TEST_CASE("after stop nothing is found and nothing is mapped") {
  stack::SlabTable table;
  REQUIRE(table.start(kSmallSlab, 0).has_value());
  const auto slab = table.add(StackClass::k64K);
  REQUIRE(slab.has_value());
  std::byte* low = table.low_of(0);
  table.stop();
  CHECK_FALSE(table.lookup(address(low)).found);
  char byte;
  CHECK_FALSE(os::read_memory(&byte, low, 1));
}

TEST_CASE("sizes that cannot be are refused, and a lack of memory leaves nothing behind") {
  stack::SlabTable table;
  for (const size_t bytes : {size_t{0}, kSmallSlab - 1, kSmallSlab + 4096, kSmallSlab / 2, size_t{2} << 30})
    CHECK(table.start(bytes, 0).error().code == CW_E_INVALID);
  CHECK(table.start(kSmallSlab, (size_t{16} << 20) + 1).error().code == CW_E_INVALID);
  CHECK(table.start(kSmallSlab, size_t{3} << 20).error().code == CW_E_INVALID);  // no room for 1 MiB beside it
  for (unsigned nth = 1; nth <= 2; ++nth) {
    os::testing::fail_next(os::FaultPoint::Map, nth, false, ENOMEM);
    const auto result = table.start(kSmallSlab, 0);
    os::testing::clear_faults();
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == CW_E_NOMEM);
    CHECK(result.error().sys_errno == ENOMEM);
    CHECK_FALSE(table.started());
  }
  REQUIRE(table.start(kSmallSlab, 0).has_value());
  os::testing::fail_next(os::FaultPoint::Map, 1, true, ENOMEM);
  CHECK(table.add(StackClass::k64K).error().sys_errno == ENOMEM);
  os::testing::clear_faults();
  CHECK(table.count() == 0);
  CHECK(table.add(StackClass::k64K).has_value());
  table.stop();
}
