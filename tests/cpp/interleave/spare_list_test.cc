// SPDX-License-Identifier: MIT
//
// Ms given back by threads that end, and borrowed by others, beside a stop.
//
// Risks: an M that two threads have, one that nobody has any more, one whose last thread's writes its next thread does not see; an M whose
// shut gate is opened by changing hands. Two records and a thread that takes both and puts the first back: the shortest ABA.
#include "runtime/sched/spare_list.hpp"

#include <doctest/doctest.h>

#include "tests/cpp/interleave/calls_in_scenario.hpp"

namespace causeway::interleave {
namespace {

constexpr uintptr_t kFrame = 64;

struct ExitFaults : CallFaults {
  static constexpr bool kNewDoor = false;  // a borrowed M starts with a gate as new that is open
};

// Records that only change hands.
template <class ListFaults>
struct Spares : Scenario {
  struct Record {
    uint32_t id = 0;
    CheckedAtomic<uint32_t> spare_next{0};
    Plain<uint32_t> bindings{0};  // the owner's
    int holder = -1;
  };
  static constexpr unsigned kRecords = 2;
  Record records[kRecords];
  sched::SpareList<Record, CheckedEnv, ListFaults> list;

  Spares() {
    for (unsigned i = kRecords; i-- > 0;) {
      records[i].id = i;
      list.push(&records[i]);
    }
  }
  Record* borrow(unsigned self) {
    Record* record = list.pop([this](uint32_t id) { return &records[id]; });
    if (record == nullptr) return nullptr;  // the product makes a new one
    require(record->holder == -1, "two-threads");
    record->holder = static_cast<int>(self);
    record->bindings = record->bindings + 1;
    return record;
  }
  void give_back(unsigned self, Record* record) {
    if (record == nullptr) return;
    require(record->holder == static_cast<int>(self), "two-threads");
    record->bindings = record->bindings + 1;
    record->holder = -1;
    list.push(record);
  }
  void finally() override {
    bool found[kRecords] = {};
    for (unsigned i = 0; i < kRecords; ++i) {
      Record* record = borrow(0);
      require(record != nullptr, "lost-m");
      if (record == nullptr) return;
      require(!found[record->id], "two-threads");
      found[record->id] = true;
    }
    require(borrow(0) == nullptr && list.empty(), "two-threads");
  }
};

// Thread 0 lives and ends; thread 1 takes both and puts them back in the order in which it took them.
template <class ListFaults = sched::SpareListFaults>
struct Aba : Spares<ListFaults> {
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    auto* first = this->borrow(self);
    auto* second = self == 1 ? this->borrow(self) : nullptr;
    this->give_back(self, first);
    if (self == 1) this->give_back(self, second);
  }
};

// Three threads that live and end, and two records.
template <class ListFaults = sched::SpareListFaults>
struct Three : Spares<ListFaults> {
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    auto* record = this->borrow(self);
    step("lives");
    this->give_back(self, record);
  }
};

// Two threads that bind, call in and end, one M, and a stop. Who finds no M makes one: outside of this.
template <class Env, class Faults = ExitFaults>
struct ExitAndStop : CallsIn<Env, 1, Faults> {
  struct Record {
    uint32_t id = 0;
    CheckedAtomic<uint32_t> spare_next{0};
    int holder = -1;
  };
  Record record;
  sched::SpareList<Record, Env> list;

  ExitAndStop() { list.push(&record); }
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self == 2) return this->stop();
    if (list.pop([this](uint32_t) { return &record; }) == nullptr) return;
    require(record.holder == -1, "two-threads");
    record.holder = static_cast<int>(self);
    auto& m = this->ms[0];
    if (Faults::kNewDoor) {
      m.gate.start_in_c(crossing::kIdleAnchor);
      m.gate.clear(crossing::poll::kSlow);
    }
    this->call(m, kFrame);
    m.gate.leave(crossing::kIdleAnchor);  // as make_spare()
    record.holder = -1;
    list.push(&record);
  }
};

struct SameNumber : sched::SpareListFaults {
  static constexpr bool kSameNumber = true;
};
struct RelaxedPush : sched::SpareListFaults {
  static constexpr bool kRelaxedPush = true;
};
struct NewDoor : ExitFaults {
  static constexpr bool kNewDoor = true;
};

constexpr Model kModels[] = {Model::Tso, Model::Weak};
constexpr Bounds kDeep{.preemptions = 3, .delays = 2};

TEST_CASE("an M that is given back is borrowed by one thread, and none is lost") {
  for (const Model model : kModels) {
    CHECK(explore<Aba<>>("spare list, two taken", model, {.preemptions = 4, .delays = 3}).green());
    CHECK(explore<Three<>>("spare list, three threads", model, {.preemptions = 2, .delays = 2}).green());
  }
}

TEST_CASE("an M that changes hands while a stop shuts it stays shut, and its calls are seen") {
  for (const Model model : kModels) {
    CHECK(explore<ExitAndStop<CheckedEnv>>("thread exit and stop", model, {.preemptions = 2, .delays = 2}).green());
    CHECK(explore<ExitAndStop<FenceModeEnv>>("thread exit, barrier=fence", model, {.preemptions = 2, .delays = 1}).green());
  }
}

TEST_CASE("planted: changes of the spare list do not raise its number") {
  for (const Model model : kModels) CHECK(explore<Aba<SameNumber>>("planted: same number", model, kDeep).red("two-threads"));
}

TEST_CASE("planted: an M is in the spare list before what its last thread wrote") {
  CHECK(explore<Three<RelaxedPush>>("planted: spare pushed relaxed", Model::Weak, kDeep).red("data-race"));
}

TEST_CASE("planted: a borrowed M starts with an open gate") {
  for (const Model model : kModels)
    CHECK(explore<ExitAndStop<CheckedEnv, NewDoor>>("planted: open when borrowed", model, kDeep).red("INV-FM2"));
}

}  // namespace
}  // namespace causeway::interleave
