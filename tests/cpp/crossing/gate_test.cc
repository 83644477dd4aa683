// SPDX-License-Identifier: MIT
//
// The gate on real threads, with the real membarrier and in fence mode: an owner that crosses as fast as it can, against a retaker.
//
// Risk: a P that two threads use at once. Up to 300 retakes: each needs a membarrier and a round through the pool, together
// some ten milliseconds on a machine at rest; the owner crosses many thousand times meanwhile.
#include "runtime/crossing/gate.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

namespace causeway::crossing {
namespace {

constexpr uintptr_t kFrame = 64;
constexpr base::asym::Mode kModes[] = {base::asym::Mode::Auto, base::asym::Mode::Fence};

// One M with a P, and the pool to which a taken P goes.
struct Machine {
  Gate<> gate;
  std::mutex m_lock, pool_lock;
  bool has_p = true;    // guarded by m_lock
  bool pooled = false;  // guarded by pool_lock
  uint64_t caches = 0;  // plain: touched by who has the P
  std::atomic<int> inside{0};
  std::atomic<uint32_t> doubled{0};

  Machine() { gate.attach_p(); }
  void touch() {
    if (inside.fetch_add(1, std::memory_order_relaxed) != 0) doubled.fetch_add(1);
    ++caches;
    inside.fetch_sub(1, std::memory_order_relaxed);
  }
  void lock() { m_lock.lock(); }
  void unlock() { m_lock.unlock(); }
  void wait_stopped() {
    while ((gate.poll_bits() & poll::kStop) != 0) std::this_thread::yield();
  }
  void obtain_p() {
    {
      const std::lock_guard pool(pool_lock);
      if (pooled) {
        pooled = false;
        const std::lock_guard own(m_lock);
        has_p = true;
        gate.attach_p();
        return;
      }
    }
    std::this_thread::yield();
  }
  bool take(uint32_t bit) {
    if (gate.request(bit) == 0) return false;
    base::RealAtomics::heavy();
    {
      const std::lock_guard own(m_lock);
      if (!gate.try_take(bit)) return false;
      has_p = false;
    }
    touch();
    const std::lock_guard pool(pool_lock);
    pooled = true;
    return true;
  }
};

TEST_CASE("a new gate has no P, an attached one is quiet, and a request turns the next crossing slow") {
  Gate<> gate;
  CHECK(gate.poll_bits() == poll::kNoP);
  CHECK_FALSE(gate.come_back());
  gate.attach_p();
  CHECK(gate.come_back());
  CHECK(gate.anchor() == 0);
  gate.leave(kFrame);
  CHECK(gate.anchor() == kFrame);
  CHECK(gate.request(poll::kRetake) == poll::kRetake);
  CHECK(gate.request(poll::kRetake) == 0);  // another's request
  CHECK_FALSE(gate.come_back());
  CHECK_FALSE(gate.try_take(poll::kRetake));  // it is back
  CHECK(gate.come_back());
  CHECK(gate.request(poll::kStop | poll::kSlow) == (poll::kStop | poll::kSlow));
  CHECK_FALSE(gate.enter_runtime());
  gate.clear(poll::kStop | poll::kSlow);
  CHECK(gate.enter_runtime());
}

TEST_CASE("a retake and a detach find the M outside, and only while it has a P") {
  Gate<> gate;
  gate.attach_p();
  gate.request(poll::kDetach);
  CHECK_FALSE(gate.try_take(poll::kDetach));  // in the runtime
  gate.exit_runtime();
  CHECK_FALSE(gate.in_runtime());
  gate.request(poll::kDetach);
  CHECK(gate.try_take(poll::kDetach));
  CHECK(gate.poll_bits() == poll::kNoP);
  gate.leave(kFrame);
  gate.request(poll::kRetake);
  CHECK_FALSE(gate.try_take(poll::kRetake));  // nothing to take
  CHECK(gate.poll_bits() == poll::kNoP);
  gate.attach_p();
  gate.detach_p();
  CHECK(gate.poll_bits() == poll::kNoP);
}

TEST_CASE("the slow path waits for the starter, gets a P, and returns what is left for the caller") {
  Machine machine;
  machine.gate.request(poll::kSlow);
  machine.gate.leave(kFrame);
  REQUIRE(machine.take(poll::kRetake));
  CHECK_FALSE(machine.gate.come_back());
  CHECK(machine.gate.come_back_slow(kFrame, machine) == poll::kSlow);
  CHECK(machine.has_p);
  CHECK(machine.gate.anchor() == 0);
}

// Some hundred nanoseconds outside, so that a retaker can meet us there.
void stay_outside() {
  for (int i = 0; i < 1000; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
}

template <class Cross>
void retake_under(base::asym::Mode mode, uint32_t bit, Cross cross) {
  REQUIRE(base::asym::start(mode).has_value());
  Machine machine;
  if (base::asym::fence_mode()) machine.gate.request(poll::kFence);  // as who makes an M does
  std::atomic<bool> done{false};
  uint64_t crossings = 0, retakes = 0;
  std::thread owner([&] {
    while (!done.load(std::memory_order_relaxed)) {
      cross(machine);
      machine.touch();
      ++crossings;
    }
  });
  // Half a second of them; on a loaded machine until there was one at all.
  const auto begin = std::chrono::steady_clock::now();
  const auto gone = [&] { return std::chrono::steady_clock::now() - begin; };
  while (retakes < 300 && gone() < (retakes > 0 ? std::chrono::milliseconds(500) : std::chrono::seconds(60))) {
    if (machine.take(bit)) ++retakes;
    else std::this_thread::yield();
  }
  done.store(true);
  owner.join();
  CHECK(machine.doubled.load() == 0);
  CHECK(machine.caches == crossings + retakes);
  CHECK(retakes > 0);
}

TEST_CASE("a P that is retaken during calls out is never used by two") {
  for (const base::asym::Mode mode : kModes)
    retake_under(mode, poll::kRetake, [](Machine& machine) {
      machine.gate.leave(kFrame);
      stay_outside();
      if (!machine.gate.come_back()) machine.gate.come_back_slow(kFrame, machine);
    });
}

TEST_CASE("a P that is detached from a hog is never used by two") {
  for (const base::asym::Mode mode : kModes)
    retake_under(mode, poll::kDetach, [](Machine& machine) {
      machine.gate.exit_runtime();
      stay_outside();
      if (!machine.gate.enter_runtime()) machine.gate.enter_runtime_slow(machine);
    });
}

}  // namespace
}  // namespace causeway::crossing
