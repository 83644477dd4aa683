// SPDX-License-Identifier: MIT
//
// Guards: a mode that the caller did not ask for, and the store-load race that the fences exist to close.
#include "runtime/base/asym.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>

#include "runtime/base/base.hpp"
#include "runtime/os/os.hpp"
#include "tests/cpp/base/child.hpp"
#include "tests/cpp/base/sandbox.hpp"

using namespace causeway;
namespace asym = base::asym;

namespace {

// Puts the mode back to the one that is always right.
struct ModeScope {
  ~ModeScope() { static_cast<void>(asym::start(asym::Mode::Fence).has_value()); }
};

// Both sides store, then look: if neither sees the other, the fences failed. Answers how often that happened.
// The rare side calls each round and starts a random moment later, so that the two meet at all distances. Time-boxed, because on a busy machine
// a round may cost a time slice.
struct Outcome {
  int rounds = 0, missed = 0;
};
Outcome race(int limit_ms) {
  constexpr int kEnd = INT_MAX;
  struct alignas(64) Word {
    std::atomic<int> value{0};
  } mine, theirs, turn, done;
  int frequent_saw = 0;  // published by done, read by the rare side after it
  const auto wait_for = [](const Word& word, int value) {
    for (int i = 0; word.value.load(std::memory_order_acquire) < value; ++i)
      if (i > 2'000) std::this_thread::yield();
  };
  std::thread frequent([&] {
    for (int round = 1;; ++round) {
      wait_for(turn, round);
      if (turn.value.load(std::memory_order_relaxed) == kEnd) return;
      frequent_saw = asym::store_then_load(mine.value, round, theirs.value);
      done.value.store(round, std::memory_order_release);
    }
  });
  Outcome outcome;
  std::mt19937 random(7);
  const uint64_t end_ns = os::now_ns() + static_cast<uint64_t>(limit_ms) * 1'000'000;
  for (int round = 1; os::now_ns() < end_ns; ++round) {
    turn.value.store(round, std::memory_order_release);
    for (unsigned i = random() % 256; i > 0; --i) std::atomic_signal_fence(std::memory_order_seq_cst);
    const int saw = asym::store_heavy_load(theirs.value, round, mine.value);
    wait_for(done, round);
    if (saw < round && frequent_saw < round) ++outcome.missed;
    ++outcome.rounds;
  }
  turn.value.store(kEnd, std::memory_order_release);
  frequent.join();
  return outcome;
}

}  // namespace

TEST_CASE("before a start, and on request, both sides pay a fence") {
  ModeScope scope;
  CHECK(asym::fence_mode());
  REQUIRE(asym::start(asym::Mode::Fence));
  CHECK(asym::fence_mode());
  const Outcome outcome = race(300);
  CHECK(outcome.rounds > 0);
  CHECK(outcome.missed == 0);
}

TEST_CASE("membarrier mode: the frequent side pays nothing and no store is missed by both") {
  ModeScope scope;
  const auto started = asym::start(asym::Mode::Membarrier);
  if (!os::membarrier_register()) {
    CHECK((CW_TSAN || !started));
    return;
  }
  REQUIRE(started);
  CHECK(asym::fence_mode() == (CW_TSAN != 0));
  const Outcome outcome = race(300);
  CHECK(outcome.rounds > 0);
  CHECK(outcome.missed == 0);
}

#if !CW_TSAN
TEST_CASE("in membarrier mode the rare side asks the kernel, in fence mode it does not") {
  // The race above may miss a missing fence on a busy machine. Here the system call is taken away, so that asking for it is seen.
  constexpr int kNoFilters = 77;
  ModeScope scope;
  if (!os::membarrier_register()) return;
  for (const asym::Mode mode : {asym::Mode::Membarrier, asym::Mode::Fence}) {
    const auto end = test::run_child([mode] {
      if (!asym::start(mode)) _exit(1);
      if (!test::forbid_membarrier()) _exit(kNoFilters);
      asym::light();  // free in both modes of a system call
      base::raw_write("light passed\n");
      asym::heavy();
      _exit(0);
    });
    if (end.exit_status == kNoFilters) return;
    CHECK(end.text.find("light passed\n") == 0);
    CHECK((end.text.find("fatal: invariant: membarrier(2)") != std::string::npos) == (mode == asym::Mode::Membarrier));
    CHECK((end.exit_status == 0) == (mode == asym::Mode::Fence));
  }
}
#endif

TEST_CASE("without membarrier Auto falls back to fences and Membarrier is refused") {
  ModeScope scope;
  os::testing::fail_next(os::FaultPoint::Membarrier, 1, true, EPERM);
  CHECK(asym::start(asym::Mode::Auto));
  CHECK(asym::fence_mode());
  const auto refused = asym::start(asym::Mode::Membarrier);
#if CW_TSAN
  CHECK(refused);
#else
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == CW_E_UNSUPPORTED);
  CHECK(std::string_view(refused.error().text).find("barrier") != std::string_view::npos);
#endif
  CHECK(asym::fence_mode());
  os::testing::clear_faults();
}

TEST_CASE("the policy of the kernels asks for the same fences") {
  static_assert(std::is_same_v<base::RealAtomics::atomic<uint64_t>, std::atomic<uint64_t>>);
  ModeScope scope;
  os::testing::fail_next(os::FaultPoint::Membarrier, 0, false, 0);  // counts only
  REQUIRE(asym::start(asym::Mode::Fence));
  base::RealAtomics::light();
  base::RealAtomics::fence_seq_cst();
  base::RealAtomics::heavy();
  CHECK(os::testing::fault_calls(os::FaultPoint::Membarrier) == 0);  // fence mode never asks for it
  os::testing::clear_faults();
}
