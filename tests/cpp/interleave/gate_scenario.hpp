// SPDX-License-Identifier: MIT
//
// What the gate's scenarios share: one M (thread 0) with one P, the pool to which a taken P goes, and the world.
#pragma once

#include "runtime/crossing/gate.hpp"
#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {

namespace poll = crossing::poll;

template <class Env, class Faults>
struct GateScenario : Scenario {
  crossing::Gate<Env, Faults> gate;
  CheckedLock m_lock, sched_lock;
  bool has_p = true;                              // m.p, guarded by m_lock
  bool pooled = false;                            // guarded by sched_lock
  Plain<uint32_t> caches{0, "double-ownership"};  // what a P holds: touched by who has it
  int holder = -1;                                // who touches it right now
  Plain<uint32_t> heap{0, "runs-while-stopped"};  // touched by managed code, and by who stopped the world
  bool stopped = false;
  unsigned taken = 0;

  GateScenario() { gate.attach_p(); }

  void touch_p(unsigned self) {
    require(holder == -1, "double-ownership");
    holder = static_cast<int>(self);
    step("use of the P");
    caches = caches + 1;
    require(holder == static_cast<int>(self), "double-ownership");
    holder = -1;
  }
  void managed_code() {
    require(!stopped, "runs-while-stopped");
    heap = heap + 1;
    require(!stopped, "runs-while-stopped");
  }

  // The host of the slow path.
  void lock() { m_lock.lock(); }
  void unlock() { m_lock.unlock(); }
  void wait_stopped() {
    while ((gate.poll_bits() & poll::kStop) != 0) spin();
  }
  void obtain_p() {
    sched_lock.lock();
    if (pooled) {
      pooled = false;
      m_lock.lock();
      has_p = true;
      gate.attach_p();
      m_lock.unlock();
      sched_lock.unlock();
      return;
    }
    sched_lock.unlock();
    spin();
  }

  void call_out() {
    constexpr uintptr_t kFrame = 64;
    gate.leave(kFrame);
    step("C");
    if (!gate.come_back()) gate.come_back_slow(kFrame, *this);
  }
  void user_code() {
    gate.exit_runtime();
    step("user code");
    if (!gate.enter_runtime()) gate.enter_runtime_slow(*this);
  }

  virtual bool requested(uint32_t bit) { return gate.request(bit) != 0; }
  void take_away(unsigned self, uint32_t bit) {
    if (!requested(bit)) return;
    Env::heavy();
    m_lock.lock();
    const bool won = gate.try_take(bit);
    if (won) {
      require(has_p, "INV-GATE4");
      has_p = false;
    }
    m_lock.unlock();
    if (!won) return;
    ++taken;
    touch_p(self);
    sched_lock.lock();
    pooled = true;
    sched_lock.unlock();
  }

  // The M must be in C, or end there.
  void stop_the_world() {
    gate.request(poll::kStop);
    Env::heavy();
    while (gate.anchor() == 0) spin();
    stopped = true;
    heap = heap + 1;
    stopped = false;
    gate.clear(poll::kStop);
  }

  void finally() override {
    require((gate.poll_bits() & ~poll::kNoP) == 0, "request-left-over");
    require(((gate.poll_bits() & poll::kNoP) != 0) == !has_p, "INV-GATE4");
    require(has_p != pooled, "lost-p");
  }
};

}  // namespace causeway::interleave
