// SPDX-License-Identifier: MIT
//
// Risk: a green thread's first run finds no stack because it was reserved on one P and runs on another, or two green threads get
// one stack. The steps one by one; cache_random_test.cc does them in random order and by threads at once.
#include "runtime/stack/cache.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "runtime/os/os.hpp"
#include "tests/cpp/stack/child.hpp"

using namespace causeway;
using stack::Stack;
using stack::StackClass;

namespace {

stack::PoolOptions small_slabs() {
  stack::PoolOptions options;
  options.slab_bytes = size_t{4} << 20;  // three stacks of 1 MiB, 201 of 16 KiB
  return options;
}

}  // namespace

TEST_CASE("the stack released last is bound first, without going to the pool") {
  stack::Pool pool;
  REQUIRE(pool.start({}).has_value());
  stack::Cache cache(pool);
  REQUIRE(cache.reserve(StackClass::k64K));
  const Stack first = cache.bind(StackClass::k64K);
  cache.release(first, StackClass::k64K);
  REQUIRE(cache.reserve(StackClass::k64K));  // the first round has spent its credits on stacks in advance
  cache.unreserve(StackClass::k64K);
  const auto before = pool.stats().classes[1];
  for (int i = 0; i < 100; ++i) {
    REQUIRE(cache.reserve(StackClass::k64K));
    const Stack again = cache.bind(StackClass::k64K);
    CHECK(again.low == first.low);
    cache.release(again, StackClass::k64K);
  }
  CHECK(pool.stats().classes[1].promised == before.promised);
  CHECK(pool.stats().classes[1].prepared == before.prepared);
}

TEST_CASE("a reservation made on one cache is bound on another, and the promise goes along") {
  stack::Pool pool;
  REQUIRE(pool.start({}).has_value());
  stack::Cache spawner(pool), runner(pool);
  // 500: more than both caches can hold of stacks and credits, so everything is refilled and spilled.
  std::vector<Stack> stacks;
  for (int i = 0; i < 500; ++i) REQUIRE(spawner.reserve(StackClass::k16K));
  for (int i = 0; i < 500; ++i) stacks.push_back(runner.bind(StackClass::k16K));
  CHECK(pool.stats().in_use == 500);
  for (const Stack& one : stacks) runner.release(one, StackClass::k16K);
  pool.check();
  // Now the runner has stacks at hand, and each binding leaves it a credit; they go back to where the spawner finds them.
  for (int round = 0; round < 500; ++round) {
    REQUIRE(spawner.reserve(StackClass::k16K));
    runner.release(runner.bind(StackClass::k16K), StackClass::k16K);
  }
  CHECK(pool.stats().classes[0].promised <= 2 * stack::Cache::kMaxCredits);
  CHECK(pool.stats().classes[0].prepared < 700);
  pool.check();
}

TEST_CASE("a cache keeps no more than its limit and flushes all") {
  stack::Pool pool;
  REQUIRE(pool.start({}).has_value());
  {
    stack::Cache cache(pool);
    std::vector<Stack> stacks;
    for (int i = 0; i < 300; ++i) {
      REQUIRE(cache.reserve(StackClass::k16K));
      stacks.push_back(cache.bind(StackClass::k16K));
    }
    for (const Stack& one : stacks) cache.release(one, StackClass::k16K);
    CHECK(pool.stats().classes[0].cached <= stack::Cache::kMaxStacks);
    CHECK(pool.stats().in_use == 0);
    cache.flush();
    CHECK(pool.stats().classes[0].cached == 0);
    CHECK(pool.stats().classes[0].promised == 0);
  }
  CHECK(pool.stop() == 0);
}

TEST_CASE("when memory is out, the stacks in the own cache can still be reserved") {
  stack::Pool pool;
  REQUIRE(pool.start(small_slabs()).has_value());
  stack::Cache cache(pool);
  REQUIRE(pool.reserve(StackClass::k1M).has_value());  // maps one slab: three stacks of 1 MiB
  pool.unreserve(StackClass::k1M);
  os::testing::fail_next(os::FaultPoint::Map, 1, true, ENOMEM);
  for (int round = 0; round < 3; ++round) {
    std::vector<Stack> stacks;
    while (cache.reserve(StackClass::k1M)) stacks.push_back(cache.bind(StackClass::k1M));
    CHECK(stacks.size() == 3);
    CHECK(cache.error().code == CW_E_NOMEM);
    CHECK(cache.error().sys_errno == ENOMEM);
    for (const Stack& one : stacks) cache.release(one, StackClass::k1M);
  }
  os::testing::clear_faults();
}

TEST_CASE("releasing a stack twice to a cache ends the process") {
  stack::Pool pool;
  REQUIRE(pool.start({}).has_value());
  stack::Cache cache(pool), other(pool);
  REQUIRE(cache.reserve(StackClass::k64K));
  const Stack one = cache.bind(StackClass::k64K);
  const auto end = stack_test::in_child([&] {
    cache.release(one, StackClass::k64K);
    other.release(one, StackClass::k64K);
    return true;
  });
  CHECK(end.says("a stack was released twice (INV-ST2)"));
  cache.release(one, StackClass::k64K);
}

#if CW_ASAN
#include <sanitizer/asan_interface.h>
TEST_CASE("what an ended green thread left poisoned is open again for the next one") {
  stack::Pool pool;
  REQUIRE(pool.start({}).has_value());
  stack::Cache cache(pool);
  REQUIRE(cache.reserve(StackClass::k64K));
  const Stack one = cache.bind(StackClass::k64K);
  ASAN_POISON_MEMORY_REGION(one.high - 4096, 512);
  cache.release(one, StackClass::k64K);
  REQUIRE(cache.reserve(StackClass::k64K));
  const Stack again = cache.bind(StackClass::k64K);
  REQUIRE(again.low == one.low);
  CHECK(__asan_region_is_poisoned(again.low, again.bytes()) == nullptr);
  cache.release(again, StackClass::k64K);
}
#endif
