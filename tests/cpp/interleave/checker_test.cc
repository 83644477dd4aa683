// SPDX-License-Identifier: MIT
//
// The checker itself. Risk: a checker that shows too little is green for everything, one that shows too much is red
// for correct code. So the known small examples must come out as the books say, in both models.
#include <doctest/doctest.h>

#include "tests/cpp/interleave/checked_env.hpp"

namespace causeway::interleave {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;

// Store buffering: each thread stores its word and loads the other's. Both reading 0 is what a fence forbids.
template <void (*First)(), void (*Second)()>
struct StoreBuffering : Scenario {
  CheckedAtomic<uint32_t> x, y;
  uint32_t saw[2] = {};
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    (self == 0 ? x : y).store(1, kRelaxed);
    self == 0 ? First() : Second();
    saw[self] = (self == 0 ? y : x).load(kRelaxed);
  }
  void finally() override { require(saw[0] + saw[1] > 0, "both-read-0"); }
};

// Message passing: data, then a flag.
template <std::memory_order StoreFlag, std::memory_order LoadFlag>
struct MessagePassing : Scenario {
  CheckedAtomic<uint32_t> data, flag;
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    if (self == 0) {
      data.store(1, kRelaxed);
      flag.store(1, StoreFlag);
    } else if (flag.load(LoadFlag) == 1) {
      require(data.load(kRelaxed) == 1, "flag-before-data");
    }
  }
};

// A release, an exchange by somebody else on top of it, and a reader of the exchange.
struct ReleaseSequence : Scenario {
  CheckedAtomic<uint32_t> data, flag;
  unsigned threads() const override { return 3; }
  void thread(unsigned self) override {
    if (self == 0) {
      data.store(1, kRelaxed);
      flag.store(1, kRelease);
    } else if (self == 1) {
      flag.fetch_add(2, kRelaxed);
    } else if (flag.load(kAcquire) == 3) {
      require(data.load(kRelaxed) == 1 || flag.load(kRelaxed) != 3, "release-sequence");
    }
  }
};

struct Coherence : Scenario {
  CheckedAtomic<uint32_t> x;
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    if (self == 0) {
      x.store(1, kRelaxed);
      x.store(2, kRelaxed);
    } else {
      const uint32_t first = x.load(kRelaxed), second = x.load(kRelaxed);
      require(second >= first, "coherence");
    }
  }
};

struct LostUpdate : Scenario {
  CheckedAtomic<uint32_t> x;
  unsigned threads() const override { return 2; }
  void thread(unsigned) override { x.store(x.load(kAcquire) + 1, kRelease); }
  void finally() override { require(x.load(kRelaxed) == 2, "lost-update"); }
};

template <bool WithLock>
struct PlainUnderLock : Scenario {
  CheckedLock lock;
  Plain<uint32_t> value;
  unsigned threads() const override { return 2; }
  void thread(unsigned) override {
    if (WithLock) lock.lock();
    value = value + 1;
    if (WithLock) lock.unlock();
  }
  void finally() override { require(value == 2, "lost-update"); }
};

struct TwoLocks : Scenario {
  CheckedLock a, b;
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    (self == 0 ? a : b).lock();
    (self == 0 ? b : a).lock();
    (self == 0 ? b : a).unlock();
    (self == 0 ? a : b).unlock();
  }
};

template <bool Stored>
struct SpinsForFlag : Scenario {
  CheckedAtomic<uint32_t> flag;
  unsigned threads() const override { return 2; }
  void thread(unsigned self) override {
    if (self == 0) {
      if (Stored) flag.store(1, kRelease);
    } else {
      while (flag.load(kAcquire) == 0) spin();
    }
  }
};

template <uint64_t TimeoutNs>
struct SleepsUnwoken : Scenario {
  CheckedAtomic<uint32_t> word;
  unsigned threads() const override { return 1; }
  void thread(unsigned) override { require(CheckedFutex::wait(word, 0, TimeoutNs) == 1, "woken-by-nobody"); }
  const char* deadlock_name() const override { return "sleeps-for-ever"; }
};

void nothing() {}
void full_fence() { CheckedEnv::fence_seq_cst(); }
void heavy_side() { CheckedEnv::heavy(); }

TEST_CASE("store buffering shows without fences, with one fence, and not with two") {
  for (const Model model : {Model::Tso, Model::Weak}) {
    CHECK(explore<StoreBuffering<nothing, nothing>>("store buffering", model).red("both-read-0"));
    CHECK(explore<StoreBuffering<full_fence, nothing>>("store buffering, one fence", model).red("both-read-0"));
    CHECK(explore<StoreBuffering<full_fence, full_fence>>("store buffering, two fences", model).green());
  }
}

TEST_CASE("a membarrier on one side replaces the fence on the other") {
  for (const Model model : {Model::Tso, Model::Weak})
    CHECK(explore<StoreBuffering<nothing, heavy_side>>("store buffering, membarrier", model).green());
}

TEST_CASE("relaxed stores become visible out of order in the weak model only") {
  using Relaxed = MessagePassing<kRelaxed, kRelaxed>;
  CHECK(explore<Relaxed>("message passing, relaxed", Model::Tso).green());
  CHECK(explore<Relaxed>("message passing, relaxed", Model::Weak).red("flag-before-data"));
  CHECK(explore<MessagePassing<kRelease, kRelaxed>>("message passing, no acquire", Model::Weak).red("flag-before-data"));
  CHECK(explore<MessagePassing<kRelaxed, kAcquire>>("message passing, no release", Model::Weak).red("flag-before-data"));
  CHECK(explore<MessagePassing<kRelease, kAcquire>>("message passing", Model::Weak).green());
}

TEST_CASE("release sequences and coherence hold, a read and a write are two steps") {
  for (const Model model : {Model::Tso, Model::Weak}) {
    CHECK(explore<ReleaseSequence>("release sequence", model).green());
    CHECK(explore<Coherence>("coherence", model).green());
    CHECK(explore<LostUpdate>("lost update", model).red("lost-update"));
  }
}

TEST_CASE("a lock orders plain cells, and without it the weak model names the race") {
  for (const Model model : {Model::Tso, Model::Weak}) CHECK(explore<PlainUnderLock<true>>("plain, locked", model).green());
  CHECK(explore<PlainUnderLock<false>>("plain, not locked", Model::Weak).red("data-race"));
  CHECK(explore<PlainUnderLock<false>>("plain, not locked", Model::Tso).red("lost-update"));
}

TEST_CASE("random walks find what bounds of 0 leave out, with any seed, and their schedule replays") {
  for (const Model model : {Model::Tso, Model::Weak}) {
    const Report report = explore<StoreBuffering<nothing, full_fence>>("store buffering, random", model,
                                                                       {.preemptions = 0, .delays = 0, .random_runs = 2000});
    CHECK(report.random > 0);
    CHECK(report.red("both-read-0"));
    CHECK(report.schedule.find("red: both-read-0") == std::string::npos);  // it shows in finally(), after the schedule
    CHECK(report.schedule.find("T1  fence") != std::string::npos);
  }
}

TEST_CASE("a search that is cut off says so") {
  const Report report = explore<LostUpdate>("lost update, cut", Model::Tso, {.random_runs = 0, .max_schedules = 2});
  CHECK(report.cut);
  CHECK(report.exhaustive == 2);
  CHECK_FALSE(explore<Coherence>("coherence, not cut", Model::Tso).cut);
}

TEST_CASE("deadlocks, endless loops and sleepers are told apart, and a failing schedule is kept") {
  const Report report = explore<TwoLocks>("two locks crosswise", Model::Tso);
  CHECK(report.red("deadlock"));
  CHECK(report.schedule.find("T0  locks") != std::string::npos);
  CHECK(report.schedule.find("red: deadlock") != std::string::npos);
  CHECK(explore<SpinsForFlag<true>>("spins for a flag", Model::Weak).green());
  CHECK(explore<SpinsForFlag<false>>("spins for ever", Model::Weak).red("step-limit"));
  CHECK(explore<SleepsUnwoken<UINT64_MAX>>("sleeps without a waker", Model::Tso).red("sleeps-for-ever"));
  CHECK(explore<SleepsUnwoken<1>>("sleeps with a time-out", Model::Tso).green());
}

}  // namespace
}  // namespace causeway::interleave
