// SPDX-License-Identifier: MIT
//
// Risk: some order of reservations, first runs and ends over several Ps leaves a first run without a stack, or gives one stack to two green
// threads. Random use by several caches, with memory running out, is compared with a plain model; then by threads at once.
#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "runtime/os/os.hpp"
#include "runtime/stack/cache.hpp"

using namespace causeway;
using stack::Stack;
using stack::StackClass;

namespace {

uint64_t seed() {
  const char* text = std::getenv("CAUSEWAY_TEST_SEED");
  const uint64_t value = text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device{}();
  MESSAGE("CAUSEWAY_TEST_SEED=" << value);
  return value;
}

// Marks a stack as one user's at both ends, and finds out whether somebody else has had it meanwhile.
void mark(const Stack& one, uint64_t user) {
  std::memcpy(one.high - sizeof user, &user, sizeof user);
  std::memcpy(one.low, &user, sizeof user);
}
bool still_marked(const Stack& one, uint64_t user) {
  return std::memcmp(one.high - sizeof user, &user, sizeof user) == 0 && std::memcmp(one.low, &user, sizeof user) == 0;
}

struct Use {
  Stack stack;
  StackClass stack_class;
  uint64_t user;
};

stack::PoolOptions small_slabs() {
  stack::PoolOptions options;
  options.slab_bytes = size_t{4} << 20;  // three stacks of 1 MiB, 201 of 16 KiB
  return options;
}

}  // namespace

TEST_CASE("a bind after a reservation never fails, in any order of uses by three caches, with memory running out") {
  std::mt19937_64 random(seed());
  for (int trial = 0; trial < 20; ++trial) {
    stack::Pool pool;
    REQUIRE(pool.start(small_slabs()).has_value());
    std::unique_ptr<stack::Cache> caches[3];
    for (auto& cache : caches) cache = std::make_unique<stack::Cache>(pool);
    uint64_t reserved[stack::kClasses] = {};
    std::vector<Use> uses;
    uint64_t next_user = 1;
    // From some moment on no slab can be mapped: reservations fail more and more, binds must not.
    os::testing::fail_next(os::FaultPoint::Map, 1 + static_cast<unsigned>(random() % 12), true, ENOMEM);
    // Phases that mostly spawn, mostly run, mostly end: so that promises and stacks pile up in one place.
    for (int step = 0; step < 4000; ++step) {
      const uint64_t phase = (static_cast<uint64_t>(step) / 500) % 3;
      stack::Cache& cache = *caches[random() % 3];
      const auto stack_class = random() % 4 == 0 ? StackClass::k1M : StackClass::k16K;
      uint64_t& promises = reserved[stack::class_index(stack_class)];
      switch (random() % 4 == 0 ? 3 + random() % 4 : phase) {
        case 0: promises += cache.reserve(stack_class) ? 1 : 0; break;
        case 1:
        case 3:
          if (promises == 0) break;
          --promises;
          uses.push_back({cache.bind(stack_class), stack_class, next_user++});
          mark(uses.back().stack, uses.back().user);
          break;
        case 2:
        case 4:
          if (uses.empty()) break;
          std::swap(uses[random() % uses.size()], uses.back());
          REQUIRE(still_marked(uses.back().stack, uses.back().user));
          cache.release(uses.back().stack, uses.back().stack_class);
          uses.pop_back();
          break;
        case 5:
          if (promises == 0) break;
          --promises;
          cache.unreserve(stack_class);
          break;
        default:
          if (random() % 8 == 0) cache.flush();
          if (random() % 8 == 0) pool.release_all_free();
          break;
      }
      if (step % 64 == 0) pool.check();
    }
    CHECK(pool.stats().in_use == uses.size());
    for (size_t i = 0; i < stack::kClasses; ++i) {
      for (; reserved[i] > 0; --reserved[i]) {
        const auto stack_class = static_cast<StackClass>(i);
        uses.push_back({caches[reserved[i] % 3]->bind(stack_class), stack_class, next_user++});
        mark(uses.back().stack, uses.back().user);
      }
    }
    for (const Use& use : uses) {
      REQUIRE(still_marked(use.stack, use.user));
      caches[0]->release(use.stack, use.stack_class);
    }
    for (auto& cache : caches) cache.reset();
    pool.check();
    for (size_t i = 0; i < stack::kClasses; ++i) CHECK(pool.stats().classes[i].promised == 0);
    CHECK(pool.stop() == 0);
    os::testing::clear_faults();
  }
}

TEST_CASE("four threads with a cache each pass reservations and stacks to one another, and a fifth returns pages meanwhile") {
  const uint64_t base_seed = seed();
  stack::Pool pool;
  REQUIRE(pool.start(small_slabs()).has_value());
  constexpr auto kClass = StackClass::k16K;
  struct Shared {
    std::mutex mutex;
    uint64_t reserved = 0;
    uint64_t next_user = 1;
    std::vector<Use> uses;
  } shared;
  std::atomic<int> running{4};
  std::atomic<int> overwritten{0};
  const auto user = [&](uint64_t number) {
    std::mt19937_64 random(base_seed + number);
    stack::Cache cache(pool);
    for (int step = 0; step < 20'000; ++step) {
      switch (random() % 3) {
        case 0:
          if (!cache.reserve(kClass)) break;
          if (std::lock_guard lock(shared.mutex); true) ++shared.reserved;
          break;
        case 1: {
          Use use{{}, kClass, 0};
          if (std::lock_guard lock(shared.mutex); shared.reserved > 0) {
            --shared.reserved;
            use.user = shared.next_user++;
          }
          if (use.user == 0) break;
          use.stack = cache.bind(kClass);
          mark(use.stack, use.user);
          std::lock_guard lock(shared.mutex);
          shared.uses.push_back(use);
          break;
        }
        default: {
          Use use{{}, kClass, 0};
          if (std::lock_guard lock(shared.mutex); !shared.uses.empty()) {
            std::swap(shared.uses[random() % shared.uses.size()], shared.uses.back());
            use = shared.uses.back();
            shared.uses.pop_back();
          }
          if (use.user == 0) break;
          if (!still_marked(use.stack, use.user)) ++overwritten;
          cache.release(use.stack, kClass);
          break;
        }
      }
    }
    --running;
  };
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < 4; ++i) threads.emplace_back(user, i);
  uint64_t returned = 0;
  while (running.load() > 0) {
    returned += pool.release_all_free();
    pool.stats();
    std::this_thread::yield();
  }
  for (auto& thread : threads) thread.join();
  CHECK(overwritten == 0);
  MESSAGE("pages returned of " << returned << " stacks, " << pool.stats().in_use << " still in use");
  for (; shared.reserved > 0; --shared.reserved) pool.unreserve(kClass);
  for (const Use& use : shared.uses) pool.release(use.stack, kClass);
  pool.check();
  CHECK(pool.stats().classes[0].promised == 0);
  CHECK(pool.stop() == 0);
}
