// SPDX-License-Identifier: MIT
//
// Risk: the whole does not hold what the parts promise: mappings per stack, memory that grows with use, a lack of memory that shows up
// at the first run, fallbacks that were never run.
#include "runtime/stack/pool.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cstdio>
#include <vector>

#include "runtime/os/os.hpp"
#include "runtime/stack/cache.hpp"
#include "runtime/stack/residency.hpp"
#include "tests/cpp/stack/child.hpp"

using namespace causeway;
using stack::Stack;
using stack::StackClass;

namespace {

struct Started {
  explicit Started(const stack::PoolOptions& options = {}) { REQUIRE(pool.start(options).has_value()); }
  ~Started() {
    os::testing::clear_faults();
    pool.check();
    CHECK(pool.stop() == 0);
  }
  Stack bind(StackClass stack_class) {
    REQUIRE(pool.reserve(stack_class).has_value());
    return pool.bind(stack_class);
  }
  stack::Pool pool;
};

size_t mappings() {
  size_t lines = 0;
  if (FILE* maps = std::fopen("/proc/self/maps", "re")) {
    for (int c; (c = std::fgetc(maps)) != EOF;) lines += c == '\n';
    std::fclose(maps);
  }
  return lines;
}

size_t resident_pages() {
  unsigned long size = 0, resident = 0;
  if (FILE* statm = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(statm, "%lu %lu", &size, &resident) != 2) resident = 0;
    std::fclose(statm);
  }
  return resident;
}

stack::PoolOptions without_light_guards(uint32_t budget) {
  stack::PoolOptions options;
  options.allow_light_guards = false;
  options.protect_budget = budget;
  return options;
}

bool touching_guard_faults(const Stack& one) {
  return stack_test::in_child([&] {
           static_cast<volatile std::byte*>(one.low)[-1] = std::byte{1};
           return true;
         })
      .faulted();
}

}  // namespace

TEST_CASE("a stack is writable from low to high, guarded below, and found by its addresses") {
  Started started;
  for (size_t i = 0; i < stack::kClasses; ++i) {
    const auto stack_class = static_cast<StackClass>(i);
    const Stack one = started.bind(stack_class);
    CHECK(one.bytes() >= stack::class_bytes(stack_class));
    CHECK(reinterpret_cast<uintptr_t>(one.high) % 16 == 0);
    one.low[0] = one.high[-1] = std::byte{1};
    const auto found = started.pool.lookup(reinterpret_cast<uintptr_t>(one.low));
    CHECK(found.bound);
    CHECK(found.stack_class == stack_class);
    CHECK(found.stack.low == one.low);
    CHECK(touching_guard_faults(one));
    started.pool.release(one, stack_class);
    CHECK_FALSE(started.pool.lookup(reinterpret_cast<uintptr_t>(one.low)).bound);
  }
}

TEST_CASE("20 000 stacks of all classes at once need fewer than 100 mappings with light guards") {
  Started started;
  if (started.pool.stats().guard != stack::GuardKind::Light) return;
  const size_t before = mappings();
  std::vector<Stack> stacks;
  for (size_t i = 0; i < 20'000; ++i) stacks.push_back(started.bind(static_cast<StackClass>(i % stack::kClasses)));
  // 5 000 of 1 MiB are 20 slabs, the others 5, 2 and 1; the tables are 2.
  MESSAGE("mappings: " << mappings() - before << ", slabs: " << started.pool.stats().slabs);
  CHECK(mappings() - before < 100);
  CHECK(started.pool.stats().in_use == 20'000);
  CHECK(started.pool.stats().in_use_high_water == 20'000);
  for (size_t i = 0; i < stacks.size(); ++i) started.pool.release(stacks[i], static_cast<StackClass>(i % stack::kClasses));
  CHECK(started.pool.stats().in_use == 0);
}

TEST_CASE("a guard of several pages lies outside the stack and guards on its whole length") {
  stack::PoolOptions options;
  options.guard_size = 5 * os::page_size() - 100;  // rounded up to five pages
  Started started(options);
  CHECK(started.pool.guard_bytes() == 5 * os::page_size());
  const Stack one = started.bind(StackClass::k16K);
  CHECK(one.bytes() == 16 << 10);
  for (size_t below : {size_t{1}, 5 * os::page_size()}) {
    const auto found = started.pool.lookup(reinterpret_cast<uintptr_t>(one.low) - below);
    CHECK(found.is_guard);
    CHECK(found.stack.low == one.low);
    CHECK(stack_test::in_child([&] {
            *static_cast<volatile std::byte*>(one.low - below) = std::byte{1};
            return true;
          }).faulted());
  }
  started.pool.release(one, StackClass::k16K);
}

TEST_CASE("without light guards the first stacks are guarded by PROT_NONE, the others watched, and an overflow there is found at release") {
  Started started(without_light_guards(32));
  std::vector<Stack> stacks;
  for (size_t i = 0; i < 64; ++i) stacks.push_back(started.bind(StackClass::k16K));
  CHECK(started.pool.stats().guard == stack::GuardKind::Watch);
  CHECK(touching_guard_faults(stacks[0]));
  CHECK(touching_guard_faults(stacks[31]));
  CHECK_FALSE(touching_guard_faults(stacks[32]));
  const auto overflow = stack_test::in_child([&] {
    stacks[40].low[-64] = std::byte{1};
    started.pool.release(stacks[40], StackClass::k16K);
    return true;
  });
  CHECK(overflow.says("causeway: fatal: stack-overflow: the ended green thread ran below its stack of 16 KiB [0x"));
  CHECK(overflow.killed_by(SIGABRT));
  for (const Stack& one : stacks) started.pool.release(one, StackClass::k16K);
}

TEST_CASE("a lack of memory is CW_E_NOMEM at the reservation, and what was reserved or bound before is unharmed") {
  stack::PoolOptions options;
  options.slab_bytes = size_t{4} << 20;  // three stacks of 1 MiB: the second slab is needed for the fourth
  Started started(options);
  const Stack before = started.bind(StackClass::k1M);
  before.high[-1] = std::byte{42};
  REQUIRE(started.pool.reserve(StackClass::k1M).has_value());
  os::testing::fail_next(os::FaultPoint::Map, 1, true, ENOMEM);
  unsigned reserved = 1;
  base::Error error;
  for (;; ++reserved) {
    const auto result = started.pool.reserve(StackClass::k1M);
    if (!result.has_value()) {
      error = result.error();
      break;
    }
    REQUIRE(reserved < 1000);
  }
  CHECK(error.code == CW_E_NOMEM);
  CHECK(error.sys_errno == ENOMEM);
  CHECK(std::string_view(error.text).find("raise") != std::string_view::npos);
  std::vector<Stack> stacks;
  for (unsigned i = 0; i < reserved; ++i) stacks.push_back(started.pool.bind(StackClass::k1M));
  CHECK(before.high[-1] == std::byte{42});
  started.pool.release(before, StackClass::k1M);
  for (const Stack& one : stacks) started.pool.release(one, StackClass::k1M);
}

TEST_CASE("an address space limit set from outside gives CW_E_NOMEM too") {
  if (CW_ASAN || CW_TSAN) return;  // their shadow is larger than any limit
  const auto end = stack_test::in_child([] {
    stack::Pool pool;
    if (!pool.start({}).has_value()) return false;
    if (!pool.reserve(StackClass::k16K).has_value()) return false;
    const rlimit limit{size_t{1} << 30, size_t{1} << 30};  // one slab is 256 MiB: a few fit
    if (setrlimit(RLIMIT_AS, &limit) != 0) return false;
    for (int i = 0; i < 100'000; ++i) {
      const auto result = pool.reserve(StackClass::k1M);
      if (!result.has_value()) return result.error().code == CW_E_NOMEM && result.error().sys_errno == ENOMEM;
    }
    return false;
  });
  CHECK(end.exited_with(0));
}

TEST_CASE("releasing a stack twice ends the process with a report") {
  Started started;
  const Stack one = started.bind(StackClass::k64K);
  const auto end = stack_test::in_child([&] {
    started.pool.release(one, StackClass::k64K);
    started.pool.release(one, StackClass::k64K);
    return true;
  });
  CHECK(end.says("causeway: fatal: invariant: a stack was released twice (INV-ST2)"));
  started.pool.release(one, StackClass::k64K);
}

TEST_CASE("memory stays where it is after a million uses") {
  Started started;
  stack::Cache cache(started.pool);
  const auto use = [&](int n) {
    for (int i = 0; i < n; ++i) {
      REQUIRE(cache.reserve(StackClass::k64K));
      const Stack one = cache.bind(StackClass::k64K);
      one.high[-1] = std::byte{1};
      cache.release(one, StackClass::k64K);
    }
  };
  use(1000);
  const size_t before = resident_pages();
  use(CW_ASAN || CW_TSAN ? 20'000 : 1'000'000);
  // 64 pages: noise of the test program. One page per use would be a million.
  CHECK(resident_pages() < before + 64);
  CHECK(started.pool.stats().classes[1].prepared <= 64);
}

TEST_CASE("reserved but never run costs no stack page") {
  // 10 000 of 64 KiB: touching one page each would be 10 000 pages; records and guards' page tables are far less.
  Started started;
  const size_t before = resident_pages();
  for (int i = 0; i < 10'000; ++i) REQUIRE(started.pool.reserve(StackClass::k64K).has_value());
  if (CW_ASAN + CW_TSAN == 0) CHECK(resident_pages() < before + 200);
  for (int i = 0; i < 10'000; ++i) started.pool.unreserve(StackClass::k64K);
}

TEST_CASE("stop says how many stacks were still bound, and the pool can start again") {
  stack::Pool pool;
  CHECK(pool.stop() == 0);
  for (int round = 0; round < 3; ++round) {
    REQUIRE(pool.start({}).has_value());
    for (int i = 0; i < 5; ++i) {
      REQUIRE(pool.reserve(StackClass::k16K).has_value());
      pool.bind(StackClass::k16K);
    }
    const size_t mapped = mappings();
    CHECK(pool.stop() == 5);
    CHECK(mappings() < mapped);
  }
}

TEST_CASE("options that cannot be are refused") {
  stack::Pool pool;
  stack::PoolOptions options;
  options.guard_size = size_t{1} << 40;
  CHECK(pool.start(options).error().code == CW_E_INVALID);
  options = {};
  options.slab_bytes = 12345;
  CHECK(pool.start(options).error().code == CW_E_INVALID);
  CHECK(pool.start({}).has_value());
}
