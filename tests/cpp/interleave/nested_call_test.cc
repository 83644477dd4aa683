// SPDX-License-Identifier: MIT
//
// Nested calls in on a worker, and a call out that goes on on another M, against a retaker and one that stops the world and walks.
//
// Risks: a walker that pairs an sp with another crossing's pc or bounds, or finds none where there is one; a P that two threads use since a
// nested call in comes back into managed code in the middle of a call out; an outer call out that finds another anchor than its own. The
// inner green thread calls out twice, so that what it saved first is stale the second time.
#include <doctest/doctest.h>

#include "tests/cpp/interleave/gate_scenario.hpp"

namespace causeway::interleave {
namespace {

constexpr uintptr_t kElsewhere = 1;  // an anchor of no green thread's

// A green thread, as far as walkers look: its Outbound, and its stack's bounds.
struct Green {
  uintptr_t low = 0, high = 0;     // constant
  CheckedAtomic<uintptr_t> sp{0};  // 0: not in C
  Plain<uintptr_t> pc{0, "INV-CR1"};
  uintptr_t anchor() const { return low; }
};

struct NestFaults : crossing::GateFaults {
  static constexpr bool kAnchorFirst = false;  // INV-CR1: the anchor is stored before what it stands for
  // INV-CR1: sp goes while the anchor still says "in C", as bridge/outbound lets it while nothing stops Ms to walk them.
  static constexpr bool kClearsEarly = false;
  static constexpr bool kNotPutBack = false;   // INV-IN1: the nested call leaves its own green thread's anchor
  static constexpr bool kDoesNotLook = false;  // INV-GATE1: the nested call does not look at poll
};

template <class Faults, class Gate>
void begin_call_out(Gate& gate, Green& g, uintptr_t sp) {
  if (Faults::kAnchorFirst) gate.leave(g.anchor());
  g.pc = sp + 1;
  g.sp.store(sp, std::memory_order_relaxed);
  if (!Faults::kAnchorFirst) gate.leave(g.anchor());
}

template <class Faults, class Gate, class Host>
void end_call_out(Gate& gate, Green& g, uintptr_t sp, Host& host) {
  require(gate.own_anchor() == g.anchor() && g.sp.load(std::memory_order_relaxed) == sp, "INV-IN1");
  if (Faults::kClearsEarly) g.sp.store(0, std::memory_order_relaxed);
  if (!gate.come_back()) gate.come_back_slow(g.anchor(), host);
  if (!Faults::kClearsEarly) g.sp.store(0, std::memory_order_relaxed);
}

// Of a stopped M.
void walk(uintptr_t anchor, const Green* greens, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    const Green& g = greens[i];
    if (g.anchor() != anchor) continue;
    const uintptr_t sp = g.sp.load(std::memory_order_relaxed);
    require(sp > g.low && sp < g.high, "INV-CR1");
    require(g.pc == sp + 1, "INV-CR1");
  }
}

// Thread 0 is the worker, 1 retakes, 2 stops the world and walks.
template <class Env, bool WithRetaker, bool WithWalker, class Faults = NestFaults>
struct Nested : GateScenario<Env, Faults> {
  Green greens[2];
  Nested() {
    for (unsigned i = 0; i < 2; ++i) {
      greens[i].low = 0x1000 * (i + 1);
      greens[i].high = greens[i].low + 0x1000;
    }
  }
  unsigned threads() const override { return 2; }
  void managed() {
    this->managed_code();
    this->touch_p(0);
  }
  void inner_call_out(uintptr_t sp) {
    begin_call_out<Faults>(this->gate, greens[1], sp);
    step("C");
    end_call_out<Faults>(this->gate, greens[1], sp, *this);
    managed();
  }
  // As enter_inline<true>().
  void nested_call() {
    const uintptr_t before = this->gate.own_anchor();
    const bool quiet = this->gate.come_back();
    if (!quiet && !Faults::kDoesNotLook) this->gate.come_back_slow(before, *this);
    managed();
    inner_call_out(0x2100);
    inner_call_out(0x2200);
    this->gate.leave(Faults::kNotPutBack ? greens[1].anchor() : before);
  }
  void worker() {
    begin_call_out<Faults>(this->gate, greens[0], 0x1100);
    nested_call();
    end_call_out<Faults>(this->gate, greens[0], 0x1100, *this);
    managed();
    this->gate.leave(kElsewhere);
  }
  void walker() {
    this->gate.request(poll::kStop);
    Env::heavy();
    uintptr_t anchor = 0;
    while ((anchor = this->gate.anchor()) == 0) spin();
    this->stopped = true;
    this->heap = this->heap + 1;
    walk(anchor, greens, 2);
    this->stopped = false;
    this->gate.clear(poll::kStop);
  }
  void thread(unsigned self) override {
    if (self == 0) return worker();
    if (WithWalker && self == (WithRetaker ? 2 : 1)) return walker();
    this->take_away(1, poll::kRetake);
    if (!WithWalker) this->take_away(1, poll::kRetake);
  }
};

template <class Env>
struct NestedAll : Nested<Env, true, true> {
  unsigned threads() const override { return 3; }
};

// A call out that began on the first M of two and goes on on the second, where its green thread calls out again. Walkers stop both.
template <class Env, class Faults = NestFaults>
struct MovedWalk : Scenario {
  crossing::Gate<Env, Faults> gates[2];
  Green green;
  CheckedLock m_lock;

  MovedWalk() {
    green.low = 0x1000;
    green.high = 0x2000;
    for (auto& gate : gates) {
      gate.start_in_c(kElsewhere);
      gate.clear(poll::kSlow);
    }
    static_cast<void>(gates[0].come_back());
    begin_call_out<NestFaults>(gates[0], green, 0x1100);
  }
  // The host of the slow path.
  void lock() { m_lock.lock(); }
  void unlock() { m_lock.unlock(); }
  void wait_stopped() {
    while ((gates[1].poll_bits() & poll::kStop) != 0) spin();
  }
  void obtain_p() {}

  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    if (self == 0) {
      if (Faults::kClearsEarly) green.sp.store(0, std::memory_order_relaxed);
      if (!gates[1].come_back()) gates[1].come_back_slow(kElsewhere, *this);
      if (!Faults::kClearsEarly) green.sp.store(0, std::memory_order_relaxed);
      begin_call_out<Faults>(gates[1], green, 0x1200);
      step("C");
      end_call_out<Faults>(gates[1], green, 0x1200, *this);
      gates[1].leave(kElsewhere);
      return;
    }
    for (auto& gate : gates) gate.request(poll::kStop);
    Env::heavy();
    uintptr_t anchor = 0;
    while ((anchor = gates[1].anchor()) == 0) spin();
    walk(anchor, &green, 1);
    // What the first M's anchor says is about a call that is where the second one's says, or over: not to be walked by it.
    const uintptr_t sp = green.sp.load(std::memory_order_relaxed);
    if (sp != 0) require(green.pc == sp + 1, "INV-CR1");
    for (auto& gate : gates) gate.clear(poll::kStop);
  }
};

struct AnchorFirst : NestFaults {
  static constexpr bool kAnchorFirst = true;
};
struct ClearsEarly : NestFaults {
  static constexpr bool kClearsEarly = true;
};
struct NotPutBack : NestFaults {
  static constexpr bool kNotPutBack = true;
};
struct DoesNotLook : NestFaults {
  static constexpr bool kDoesNotLook = true;
};

constexpr Model kModels[] = {Model::Tso, Model::Weak};
constexpr Bounds kTwo{.preemptions = 3, .delays = 1};
constexpr Bounds kThree{.preemptions = 2, .delays = 1};

TEST_CASE("nested calls in: a P is used by one, and the outer call out finds its anchor") {
  for (const Model model : kModels) {
    CHECK(explore<Nested<CheckedEnv, true, false>>("nested call, retake", model, kTwo).green());
    CHECK(explore<Nested<FenceModeEnv, true, false>>("nested call, retake, barrier=fence", model, kThree).green());
  }
}

TEST_CASE("nested calls in: whoever stops the M may pair sp, pc and bounds") {
  for (const Model model : kModels) {
    CHECK(explore<Nested<CheckedEnv, false, true>>("nested call, walk", model, kTwo).green());
    CHECK(explore<NestedAll<CheckedEnv>>("nested call, retake and walk", model, kThree).green());
    CHECK(explore<MovedWalk<CheckedEnv>>("moved call out, walk", model, {.preemptions = 3, .delays = 2}).green());
  }
}

TEST_CASE("planted: nested calls without membarrier, or without a look at poll") {
  for (const Model model : kModels) {
    CHECK(explore<Nested<NoMembarrierEnv, true, false>>("planted: nested, no membarrier", model, kTwo).red("double-ownership"));
    CHECK(explore<Nested<CheckedEnv, true, false, DoesNotLook>>("planted: nested, poll not read", model, kTwo).red("double-ownership"));
  }
}

TEST_CASE("planted: a nested call does not put the anchor back") {
  for (const Model model : kModels)
    CHECK(explore<Nested<CheckedEnv, false, true, NotPutBack>>("planted: anchor not put back", model, kTwo).red("INV-IN1"));
}

TEST_CASE("planted: the anchor is stored before what it stands for") {
  for (const Model model : kModels)
    CHECK(explore<Nested<CheckedEnv, false, true, AnchorFirst>>("planted: anchor first", model, kTwo).red("INV-CR1"));
}

TEST_CASE("planted: the saved sp is cleared while the anchor still says that the M is in C") {
  for (const Model model : kModels) {
    CHECK(explore<Nested<CheckedEnv, false, true, ClearsEarly>>("planted: sp cleared early", model, kTwo).red("INV-CR1"));
    CHECK(explore<MovedWalk<CheckedEnv, ClearsEarly>>("planted: sp cleared early, moved", model, kTwo).red("INV-CR1"));
  }
}

}  // namespace
}  // namespace causeway::interleave
