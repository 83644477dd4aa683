// SPDX-License-Identifier: MIT
//
// The handle table: what a handle stands for, and what a number stands for that is none, or none any more.
//
// Risk: a number that was never given out, is of another kind, or is used after its end, finds somebody else's object. 2000 slots: the table
// makes them in chunks of 1024.
#include "bridge/capi/handle_table.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace {

using causeway::capi::HandleKind;
using causeway::capi::HandleSlot;
using causeway::capi::HandleTable;
using causeway::capi::Unpinned;

// A table's slots are never freed, so a table is never ended either: these stay, and stay reachable.
HandleTable* new_table() {
  static auto& all = *new std::vector<HandleTable*>;
  return all.emplace_back(new HandleTable);
}

uint64_t make(HandleTable& table, HandleKind kind, uint64_t value) {
  auto slot = table.reserve();
  REQUIRE(slot.has_value());
  (*slot)->as<uint64_t>() = value;
  return table.publish(**slot, kind);
}

// What the handle's object holds, or 0 with why in *status.
uint64_t look(HandleTable& table, uint64_t handle, HandleKind kind, cw_status* status) {
  HandleSlot* slot = nullptr;
  *status = table.pin(handle, kind, &slot);
  if (*status != CW_OK) return 0;
  const uint64_t value = slot->as<uint64_t>();
  CHECK(table.unpin(*slot) == Unpinned::InUse);
  return value;
}

cw_status why(HandleTable& table, uint64_t handle, HandleKind kind) {
  cw_status status = CW_OK;
  look(table, handle, kind, &status);
  return status;
}

void end(HandleTable& table, uint64_t handle, HandleKind kind) {
  HandleSlot* slot = nullptr;
  REQUIRE(table.remove(handle, kind, &slot) == CW_OK);
  REQUIRE(table.unpin(*slot) == Unpinned::Last);
  table.release(*slot);
}

}  // namespace

TEST_CASE("each of 2000 handles is a number of its own, is not 0, and finds its own object") {
  const auto table = new_table();
  std::vector<uint64_t> handles;
  for (uint64_t i = 0; i < 2000; ++i) handles.push_back(make(*table, HandleKind::Event, i + 1));
  CHECK(table->live() == 2000);
  CHECK(std::set<uint64_t>(handles.begin(), handles.end()).size() == 2000);
  for (uint64_t i = 0; i < 2000; ++i) {
    CHECK(handles[i] != 0);
    cw_status status = CW_OK;
    CHECK(look(*table, handles[i], HandleKind::Event, &status) == i + 1);
  }
}

TEST_CASE("a handle of another kind is CW_E_TYPE, for both ways to use it") {
  const auto table = new_table();
  const uint64_t event = make(*table, HandleKind::Event, 1);
  HandleSlot* slot = nullptr;
  CHECK(why(*table, event, HandleKind::Channel) == CW_E_TYPE);
  CHECK(table->remove(event, HandleKind::Green, &slot) == CW_E_TYPE);
  CHECK(why(*table, event, HandleKind::Event) == CW_OK);
}

TEST_CASE("0, random numbers and every handle with one bit changed are no handles") {
  const auto table = new_table();
  const uint64_t handle = make(*table, HandleKind::Channel, 1);
  CHECK(why(*table, 0, HandleKind::Channel) == CW_E_HANDLE);
  for (unsigned bit = 0; bit < 64; ++bit) CHECK(why(*table, handle ^ uint64_t{1} << bit, HandleKind::Channel) == CW_E_HANDLE);
  // A number passes with a chance of 2^-20: of 10 000 more than three pass once in 10^9 runs.
  int passed = 0;
  uint64_t state = 0x9e3779b97f4a7c15ULL;
  for (int i = 0; i < 10'000; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    passed += why(*table, state, HandleKind::Channel) != CW_E_HANDLE;
  }
  CHECK(passed <= 3);
}

TEST_CASE("a lookup without a pin finds a live handle only, and notices when it ended meanwhile") {
  const auto table = new_table();
  auto reserved = table->reserve();
  REQUIRE(reserved.has_value());
  (*reserved)->shared[0].store(7, std::memory_order_release);
  const uint64_t handle = table->publish(**reserved, HandleKind::User);
  HandleSlot* slot = table->peek(handle, HandleKind::User);
  REQUIRE(slot != nullptr);
  CHECK(slot->shared[0].load(std::memory_order_acquire) == 7);
  CHECK(HandleTable::unchanged(*slot, handle));
  CHECK(table->peek(handle, HandleKind::Function) == nullptr);
  CHECK(table->why(handle, HandleKind::Function) == CW_E_TYPE);
  CHECK(table->peek(0, HandleKind::User) == nullptr);
  // A removal that is taken back leaves the same handle.
  HandleSlot* removed = nullptr;
  REQUIRE(table->remove(handle, HandleKind::User, &removed) == CW_OK);
  CHECK(!HandleTable::unchanged(*slot, handle));
  CHECK(table->peek(handle, HandleKind::User) == nullptr);
  table->restore(*removed, HandleKind::User);
  CHECK(table->unpin(*removed) == Unpinned::InUse);
  CHECK(table->peek(handle, HandleKind::User) == slot);
  CHECK(table->live() == 1);
  end(*table, handle, HandleKind::User);
  CHECK(!HandleTable::unchanged(*slot, handle));
  CHECK(table->why(handle, HandleKind::User) == CW_E_STALE);
}

TEST_CASE("a handle is stale after its removal, and stays so when its slot is used again") {
  const auto table = new_table();
  const uint64_t old = make(*table, HandleKind::Event, 1);
  end(*table, old, HandleKind::Event);
  CHECK(table->live() == 0);
  CHECK(why(*table, old, HandleKind::Event) == CW_E_STALE);
  HandleSlot* slot = nullptr;
  CHECK(table->remove(old, HandleKind::Event, &slot) == CW_E_STALE);
  // Oldest first: 1024 later the slot comes again, with the next generation.
  std::vector<uint64_t> handles;
  for (int i = 0; i < 1024; ++i) handles.push_back(make(*table, HandleKind::Event, 2));
  constexpr uint64_t kIndex = (uint64_t{1} << 24) - 1;
  CHECK((handles.back() & kIndex) == (old & kIndex));
  CHECK(handles.back() != old);
  CHECK(why(*table, old, HandleKind::Event) == CW_E_STALE);
  CHECK(why(*table, handles.back(), HandleKind::Event) == CW_OK);
}

TEST_CASE("INV-HT1, INV-HT2: the object stays while it is pinned, and only the last to let go after the removal ends it") {
  const auto table = new_table();
  const uint64_t handle = make(*table, HandleKind::Green, 7);
  HandleSlot *first = nullptr, *second = nullptr, *removed = nullptr;
  REQUIRE(table->pin(handle, HandleKind::Green, &first) == CW_OK);
  REQUIRE(table->pin(handle, HandleKind::Green, &second) == CW_OK);
  CHECK(table->unpin(*second) == Unpinned::InUse);
  REQUIRE(table->remove(handle, HandleKind::Green, &removed) == CW_OK);
  CHECK(why(*table, handle, HandleKind::Green) == CW_E_STALE);
  CHECK(table->unpin(*removed) == Unpinned::InUse);  // the first one still holds it
  CHECK(first->as<uint64_t>() == 7);
  CHECK(table->unpin(*first) == Unpinned::Last);
  table->release(*first);
}

TEST_CASE("INV-HT3: a slot whose generation cannot rise is used no more") {
  const auto table = new_table();
  constexpr uint64_t kGenerations = (uint64_t{1} << 16) - 1;
  constexpr uint64_t kIndex = (uint64_t{1} << 24) - 1;
  // One slot at a time through all its lives: all others are held meanwhile.
  std::vector<uint64_t> held;
  for (int i = 0; i < 1023; ++i) held.push_back(make(*table, HandleKind::Event, 1));
  std::set<uint64_t> slots;
  std::vector<uint64_t> stale;
  for (uint64_t life = 1; life <= kGenerations; ++life) {
    const uint64_t handle = make(*table, HandleKind::Event, life);
    slots.insert(handle & kIndex);
    if (life == 1 || life == kGenerations) stale.push_back(handle);
    end(*table, handle, HandleKind::Event);
  }
  CHECK(slots.size() == 1);
  const uint64_t next = make(*table, HandleKind::Event, 1);
  CHECK(slots.count(next & kIndex) == 0);
  for (const uint64_t handle : stale) CHECK(why(*table, handle, HandleKind::Event) == CW_E_STALE);
}

TEST_CASE("of many threads that remove one handle while others use it, one wins and one ends the object") {
  const auto table = new_table();
  for (int round = 0; round < 200; ++round) {
    const uint64_t handle = make(*table, HandleKind::Channel, 1);
    std::atomic<int> removed{0}, ended{0}, wrong{0}, ready{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        ++ready;
        while (ready != 4) {}
        HandleSlot* slot = nullptr;
        const cw_status status = t < 2 ? table->remove(handle, HandleKind::Channel, &slot) : table->pin(handle, HandleKind::Channel, &slot);
        if (status != CW_OK) {
          wrong += status != CW_E_STALE;
          return;
        }
        removed += t < 2;
        wrong += slot->as<uint64_t>() != 1;
        if (table->unpin(*slot) == Unpinned::Last) {
          ++ended;
          slot->as<uint64_t>() = 0;
          table->release(*slot);
        }
      });
    for (auto& thread : threads) thread.join();
    CHECK(removed == 1);
    CHECK(ended == 1);
    CHECK(wrong == 0);
  }
  CHECK(table->live() == 0);
}
