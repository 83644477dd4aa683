// SPDX-License-Identifier: MIT
//
// What the scenarios of calls in on foreign Ms share: the Ms, the phase of the runtime, and one that stops it and releases what calls use.
#pragma once

#include "runtime/crossing/crossing.hpp"
#include "runtime/sched/shut.hpp"
#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {

enum class Phase : uint32_t { Off, Running, Stopping };

// As sched::M, the part that calls in, moves and stops touch.
template <class Env, class GateFaults = crossing::GateFaults>
struct ForeignM {
  static constexpr bool foreign = true;
  crossing::Gate<Env, GateFaults> gate;
  typename Env::template atomic<uint64_t> calls_in{0}, calls_ended{0}, taken_over{0}, left_for_another{0};
  Plain<uint32_t> greens{0, "INV-FM2"};  // the M's list of call greens: its owner's; who released all may touch it too
};

struct CallFaults : sched::ShutFaults {
  static constexpr bool kLooksFirst = false;        // a nested call in looks at what it found before it has come in
  static constexpr bool kTouchAfterAnchor = false;  // the end of a call touches its M's list after the last store
  static constexpr bool kPhaseAfterShut = false;    // the Ms are shut before the phase has changed
  static constexpr bool kShutUnlocked = false;      // INV-FM2
};

template <class Env, unsigned Ms, class Faults = CallFaults, class GateFaults = crossing::GateFaults>
struct CallsIn : Scenario {
  using M = ForeignM<Env, GateFaults>;
  struct NoLock {
    void lock() {}
    void unlock() {}
  };

  M ms[Ms];
  CheckedLock table_lock;
  typename Env::template atomic<uint32_t> phase{static_cast<uint32_t>(Phase::Running)};
  // For the checks, seen at once by all.
  unsigned in_progress = 0, refused = 0, done = 0;
  unsigned runtime = 1;
  bool released = false;

  CallsIn() {
    for (M& m : ms) {
      m.gate.start_in_c(crossing::kIdleAnchor);
      m.gate.clear(crossing::poll::kSlow);
    }
  }

  template <class Visit>
  void for_each(Visit visit) {
    for (M& m : ms) visit(m);
  }
  Phase phase_now() { return static_cast<Phase>(phase.load(std::memory_order_acquire)); }

  // What managed code does. Nobody may miss it.
  void managed(M& m) {
    require(!released, "INV-FM2");
    m.greens = m.greens + 1;
    require(!released, "INV-FM2");
  }

  // As enter_inline<false>(), admit() and a quick call out inside it.
  void come_in_managed(M& m) {
    ++in_progress;
    managed(m);
    m.calls_in.store(m.calls_in.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  cw_status admit(M& m) {
    if (m.gate.poll_bits() == 0) return CW_OK;
    const Phase now = sched::open_gate<Faults>(m, table_lock, [this] { return phase_now(); });
    if (now == Phase::Running) return CW_OK;
    return now == Phase::Stopping ? CW_E_STOPPED : CW_E_NOT_READY;
  }
  bool begin(M& m) {
    uintptr_t before = crossing::kIdleAnchor;
    return begin(m, before);
  }
  bool begin(M& m, uintptr_t& before) {
    if (!m.gate.come_back() && sched::come_in<Faults>(m, before, [&] { return admit(m); }) != CW_OK) {
      ++refused;
      return false;
    }
    come_in_managed(m);
    return true;
  }
  void call_out(M& m, uintptr_t frame) { m.gate.leave(frame); }
  // A foreign M has no P to lose, and what is in progress goes on: the poll word is not looked at.
  void call_out_ends(M& m) {
    static_cast<void>(m.gate.come_back());
    managed(m);
  }
  void end(M& m, uintptr_t back = crossing::kIdleAnchor) {
    managed(m);
    --in_progress;
    ++done;
    m.calls_ended.store(m.calls_ended.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    m.gate.leave(back);
    if (Faults::kTouchAfterAnchor) m.greens = m.greens + 1;
  }
  void call(M& m, uintptr_t frame) {
    if (!begin(m)) return;
    call_out(m, frame);
    step("C");
    call_out_ends(m);
    end(m);
  }

  // As stop().
  void set_phase(Phase now) { phase.store(static_cast<uint32_t>(now), std::memory_order_seq_cst); }
  void stop() {
    if (!Faults::kPhaseAfterShut) set_phase(Phase::Stopping);
    NoLock no_lock;
    const auto all = [this](auto visit) { this->for_each(visit); };
    if constexpr (Faults::kShutUnlocked) sched::shut_gates<Env>(no_lock, all);
    else sched::shut_gates<Env>(table_lock, all);
    if (Faults::kPhaseAfterShut) set_phase(Phase::Stopping);
    while (sched::count_inside<Faults>(all) != 0) spin();
    require(in_progress == 0, "INV-FM2");
    set_phase(Phase::Off);
    released = true;
    for_each([](M& m) { m.greens = 0; });
  }
  void start() {
    released = false;
    ++runtime;
    set_phase(Phase::Running);
  }

  // Where it stands, a call must be refused; once started again, it goes through and opens its M.
  void finally() override {
    require(in_progress == 0, "INV-FM2");
    for_each([this](M& m) {
      const bool open = m.gate.poll_bits() == 0;
      require(runtime == 1 || !open || m.gate.own_anchor() == crossing::kIdleAnchor, "INV-SH3");
      const bool in = begin(m);
      require(in == (phase_now() == Phase::Running), in ? "kSlow-lost" : "kSlow-left");
      if (!in) return;
      end(m);
      require(m.gate.poll_bits() == 0, "kSlow-left");
    });
  }
};

}  // namespace causeway::interleave
