// SPDX-License-Identifier: MIT
//
// Records of green threads: distinct, found again by index, handed out again, and alive as long as somebody holds one.
//
// Risk: an index that finds another record, and an arena that is freed under a held record or never. 4 MiB chunks hold some
// thousands of records; 40 000 need several.
#include "runtime/sched/arena.hpp"

#include <set>
#include <vector>

#include "tests/cpp/sched/support.hpp"

namespace causeway::sched {
namespace {

void give_back_all(Arena& arena, std::vector<G*>& records) {
  for (G* g : records) arena.give_back(g, g, 1);
  records.clear();
}

std::vector<G*> take_all(Arena& arena, uint32_t n) {
  std::vector<G*> records;
  while (records.size() < n) {
    uint32_t got = 0;
    G* list = arena.take(64, &got);
    REQUIRE(list != nullptr);
    REQUIRE(got > 0);
    REQUIRE(got <= 64);
    uint32_t counted = 0;
    for (G* g = list; g != nullptr; g = g->next, ++counted) records.push_back(g);
    REQUIRE(counted == got);
  }
  return records;
}

}  // namespace

TEST_CASE("records over several chunks are distinct, and found again by their index") {
  Arena* arena = Arena::create();
  REQUIRE(arena != nullptr);
  CHECK(arena->at(0) == nullptr);
  std::vector<G*> records = take_all(*arena, 40'000);
  CHECK(std::set<G*>(records.begin(), records.end()).size() == records.size());
  std::set<uint32_t> indices;
  bool good = true;
  for (G* g : records) {
    good &= arena->at(g->index) == g && &Arena::of(g) == arena;
    good &= reinterpret_cast<uintptr_t>(g) % 64 == 0 && g->index < arena->used();
    indices.insert(g->index);
  }
  CHECK(good);
  CHECK(indices.size() == records.size());
  CHECK(arena->at(arena->used()) == nullptr);
  CHECK(arena->at(UINT32_MAX) == nullptr);
  give_back_all(*arena, records);
  const uint32_t used = arena->used();
  records = take_all(*arena, 40'000);
  CHECK(arena->used() == used);
  give_back_all(*arena, records);
  arena->retire();
}

TEST_CASE("without memory there is no arena, or no further chunk; later there is") {
  os::testing::fail_next(os::FaultPoint::Map, 1, true, ENOMEM);
  CHECK(Arena::create() == nullptr);
  os::testing::clear_faults();
  Arena* arena = Arena::create();
  REQUIRE(arena != nullptr);
  os::testing::fail_next(os::FaultPoint::Map, 1, true, ENOMEM);
  std::vector<G*> records;
  uint32_t got = 0;
  while (G* list = arena->take(64, &got)) {
    for (G* g = list; g != nullptr; g = g->next) records.push_back(g);
    REQUIRE(records.size() < 100'000);
  }
  os::testing::clear_faults();
  G* again = arena->take(1, &got);
  REQUIRE(again != nullptr);
  CHECK(got == 1);
  arena->give_back(again, again, 1);
  give_back_all(*arena, records);
  arena->retire();
}

TEST_CASE("a retired arena lives until its last held record comes back, and a later one has later generations") {
  const int maps = sched_test::count_maps();
  for (int round = 0; round < 20; ++round) {
    Arena* arena = Arena::create();
    REQUIRE(arena != nullptr);
    uint32_t got = 0;
    G* held[3];
    for (G*& g : held) {
      g = arena->take(1, &got);
      REQUIRE(g != nullptr);
      g->generation.store(g->generation.load() + 1);  // odd: in use
    }
    const uint32_t generation = held[0]->generation.load();
    held[0]->generation.fetch_add(1);
    CHECK_FALSE(arena->recycle_orphan(held[0]));
    arena->give_back(held[0], held[0], 1);
    arena->retire();
    for (int i = 1; i < 3; ++i) {
      CHECK(held[i]->index < arena->used());  // still readable
      held[i]->generation.fetch_add(1);
      CHECK(arena->recycle_orphan(held[i]));
    }
    Arena* next = Arena::create();
    REQUIRE(next != nullptr);
    G* first = next->take(1, &got);
    REQUIRE(first != nullptr);
    CHECK(first->generation.load() > generation);
    next->give_back(first, first, 1);
    next->retire();
  }
  CHECK(sched_test::count_maps() <= maps + 3);
}

}  // namespace causeway::sched
