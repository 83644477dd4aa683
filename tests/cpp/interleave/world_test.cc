// SPDX-License-Identifier: MIT
//
// A stop of the world against an M that goes on: in C and back, from its loop to a green thread, into a call of ours that halts; and a second stop at
// once. Who stops reads what walkers read: the record of the call out, the place where the M halted.
//
// Risks: managed code in a stop; an sp with the bounds of another stack (test `triple`); a place that changes under its reader.
#include <doctest/doctest.h>

#include "runtime/crossing/gate.hpp"
#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {
namespace {

using crossing::Where;
namespace poll = crossing::poll;

struct HaltFaults {
  static constexpr bool kAnchorFirst = false;   // the anchor before the record that it promises
  static constexpr bool kRestFirst = false;     // Halted before the place
  static constexpr bool kPlaceAgain = false;    // the place written once more between two stops
  static constexpr bool kLoopLooksNot = false;  // from the loop to a green thread without a look
};
struct AnchorFirst : HaltFaults {
  static constexpr bool kAnchorFirst = true;
};
struct RestFirst : HaltFaults {
  static constexpr bool kRestFirst = true;
};
struct PlaceAgain : HaltFaults {
  static constexpr bool kPlaceAgain = true;
};
struct LoopLooksNot : HaltFaults {
  static constexpr bool kLoopLooksNot = true;
};
struct PollBeforeStore : crossing::GateFaults {
  static constexpr bool kPollBeforeStore = true;
};

// The M is thread 0; thread 1 stops the world twice.
template <class Env, class Faults = HaltFaults, class GateFaults = crossing::GateFaults>
struct Halts : Scenario {
  crossing::Gate<Env, GateFaults> gate;
  typename Env::template atomic<uint32_t> stopping{0};
  typename Env::template atomic<uint32_t> sp{0};  // of the call out; the product's is atomic too
  Plain<uint32_t> pc{0, "triple"};
  Plain<uint32_t> place_sp{0, "halt-place"}, place_pc{0, "halt-place"};
  Plain<uint32_t> managed{0, "runs-while-stopped"};
  bool stopped = false;

  Halts() { gate.attach_p(); }
  unsigned threads() const override { return 2; }

  void wait() {
    while (stopping.load(std::memory_order_acquire) != 0) spin();
  }
  void managed_code() {
    require(!stopped, "runs-while-stopped");
    managed = managed + 1;
    require(!stopped, "runs-while-stopped");
  }

  void write_record(uint32_t on) {
    sp.store(on, std::memory_order_relaxed);
    pc = on;
  }
  void call_out(uint32_t on) {
    constexpr uintptr_t kFrame = 64;
    if (!Faults::kAnchorFirst) write_record(on);
    gate.leave(kFrame);
    if (Faults::kAnchorFirst) write_record(on);
    step("C");
    bool quiet = gate.come_back();
    while (!quiet && (gate.poll_bits() & poll::kStop) != 0) {  // wait_outside()
      gate.leave(kFrame);
      wait();
      quiet = gate.come_back();
    }
    managed_code();
    sp.store(0, std::memory_order_relaxed);
  }

  void write_place(uint32_t on) {
    place_sp = on;
    place_pc = on;
  }
  void call_of_ours(uint32_t on) {  // enter_runtime(), halt_in_call()
    gate.exit_runtime();
    step("user code");
    if (!gate.enter_runtime() && (gate.poll_bits() & poll::kStop) != 0) {
      if (!Faults::kRestFirst) write_place(on);
      do {
        gate.rest(Where::Halted);
        if (Faults::kRestFirst || Faults::kPlaceAgain) write_place(on);
        wait();
      } while (!gate.back_inside(Where::Runtime));
    }
    managed_code();
  }

  void through_the_loop() {  // wait_in_loop()
    gate.rest(Where::Loop);
    step("loop");
    while (!gate.back_inside(Where::Runtime) && !Faults::kLoopLooksNot) {
      gate.rest(Where::Loop);
      wait();
    }
    managed_code();
  }

  void stop_the_world() {
    stopping.store(1, std::memory_order_release);
    gate.request(poll::kStop);
    Env::heavy();
    while (!gate.stopped()) spin();
    stopped = true;
    managed = managed + 1;
    if (gate.anchor() != 0) {
      const uint32_t low = sp.load(std::memory_order_relaxed), at = pc;
      require(low != 0 && low == at, "triple");
    } else if (gate.where() == Where::Halted) {
      const uint32_t low = place_sp, at = place_pc;
      require(low != 0 && low == at, "halt-place");
    }
    stopped = false;
    gate.clear(poll::kStop);
    stopping.store(0, std::memory_order_release);
  }

  void thread(unsigned self) override {
    if (self == 1) {
      stop_the_world();
      stop_the_world();
      return;
    }
    run_m();
  }
  virtual void run_m() = 0;
  void finally() override { require((gate.poll_bits() & ~poll::kNoP) == 0, "request-left-over"); }
};

// A deep call and a shallow one. In the end in C, as a thread that calls in no more.
template <class Env, class Faults = HaltFaults, class GateFaults = crossing::GateFaults>
struct Calls final : Halts<Env, Faults, GateFaults> {
  void run_m() override {
    this->call_out(1);
    this->call_out(2);
    this->gate.rest(Where::Loop);
  }
};

template <class Env, class Faults = HaltFaults, class GateFaults = crossing::GateFaults>
struct Enters final : Halts<Env, Faults, GateFaults> {
  void run_m() override {
    this->call_of_ours(1);
    this->call_of_ours(2);
    this->gate.rest(Where::Loop);
  }
};

template <class Env, class Faults = HaltFaults, class GateFaults = crossing::GateFaults>
struct Loops final : Halts<Env, Faults, GateFaults> {
  void run_m() override {
    this->through_the_loop();
    this->through_the_loop();
    this->gate.rest(Where::Loop);
  }
};

constexpr Model kModels[] = {Model::Tso, Model::Weak};
constexpr Bounds kDeep{.preemptions = 3, .delays = 2};

TEST_CASE("triple: no sp with another's bounds, no managed code, no place that changes, in two stops on end") {
  for (const Model model : kModels) {
    CHECK(explore<Calls<CheckedEnv>>("world, calls out", model, kDeep).green());
    CHECK(explore<Enters<CheckedEnv>>("world, calls of ours", model, kDeep).green());
    CHECK(explore<Loops<CheckedEnv>>("world, loops", model, kDeep).green());
    CHECK(explore<Calls<FenceModeEnv>>("world, calls out, barrier=fence", model).green());
    CHECK(explore<Enters<FenceModeEnv>>("world, calls of ours, barrier=fence", model).green());
    CHECK(explore<Loops<FenceModeEnv>>("world, loops, barrier=fence", model).green());
  }
}

TEST_CASE("planted: the anchor is stored before the record (triple)") {
  CHECK(explore<Calls<CheckedEnv, AnchorFirst>>("planted: anchor first", Model::Tso, kDeep).red("triple"));
  CHECK(explore<Calls<CheckedEnv, AnchorFirst>>("planted: anchor first", Model::Weak, kDeep).red("triple"));
}

TEST_CASE("planted: halted before the place is written, or written again") {
  for (const Model model : kModels) CHECK(explore<Enters<CheckedEnv, RestFirst>>("planted: halted first", model, kDeep).red("halt-place"));
  CHECK(explore<Enters<CheckedEnv, PlaceAgain>>("planted: the place again", Model::Weak, kDeep).red("halt-place"));
}

TEST_CASE("planted: out of the loop without a look; poll before the store; no membarrier") {
  for (const Model model : kModels) {
    CHECK(explore<Loops<CheckedEnv, LoopLooksNot>>("planted: no look", model, kDeep).red("runs-while-stopped"));
    CHECK(explore<Calls<CheckedEnv, HaltFaults, PollBeforeStore>>("planted: poll first", model, kDeep).red("runs-while-stopped"));
    CHECK(explore<Loops<NoMembarrierEnv>>("planted: a stop without membarrier", model, kDeep).red("runs-while-stopped"));
  }
}

}  // namespace
}  // namespace causeway::interleave
