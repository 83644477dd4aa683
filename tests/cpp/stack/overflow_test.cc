// SPDX-License-Identifier: MIT
//
// Risk: the report names the wrong stack, or is cut off before the numbers that a user needs.
#include "runtime/stack/overflow.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace causeway;

namespace {

stack::GuardHit hit_with_sp(uintptr_t sp) {
  stack::GuardHit hit;
  hit.hit = true;
  hit.address = 0x7000'0fff;
  hit.sp = sp;
  hit.stack = {reinterpret_cast<std::byte*>(uintptr_t{0x7000'1000}), reinterpret_cast<std::byte*>(uintptr_t{0x7001'1000})};
  hit.guard_low = 0x7000'0000;
  return hit;
}

std::string text_of(const stack::GuardHit& hit, stack::DescribeOwner owner) {
  stack::OverflowText text;
  stack::describe_guard_hit(hit, owner, text);
  return std::string(text.view());
}

void reader(const stack::GuardHit& hit, stack::OwnerText& text) noexcept { text.append_dec(hit.sp == 0 ? 0 : 17).append(" \"reader\""); }

void talkative(const stack::GuardHit&, stack::OwnerText& text) noexcept {
  for (int i = 0; i < 100; ++i) text.append("a very long name ");
}

}  // namespace

TEST_CASE("the report of a used-up stack says who, how large, where, and what to do") {
  CHECK(text_of(hit_with_sp(0x7000'1010), reader) ==
        "green thread 17 \"reader\": its stack of 64 KiB [0x70001000, 0x70011000) is used up at sp=0x70001010, fault at 0x70000fff; "
        "raise spawn_options.stack_size or move work out of large local arrays");
}

TEST_CASE("a stack pointer inside the guard is a used-up stack too: a probed array reaches there first") {
  CHECK(text_of(hit_with_sp(0x7000'0800), reader).find("is used up at sp=0x70000800") != std::string::npos);
}

TEST_CASE("a stack pointer elsewhere is reported as a jump or a wild pointer, not as a used-up stack") {
  for (const uintptr_t sp : {uintptr_t{0x6fff'fff0}, uintptr_t{0x7fff'0000'0000}}) {
    const std::string text = text_of(hit_with_sp(sp), reader);
    CHECK(text.find("used up") == std::string::npos);
    CHECK(text.find("green thread 17 \"reader\": the guard below its stack of 64 KiB [0x70001000, 0x70011000) was touched at 0x70000fff") ==
          0);
    CHECK(text.find("-fstack-clash-protection") != std::string::npos);
  }
}

TEST_CASE("without a known owner or stack pointer the report says what it knows") {
  CHECK(
      text_of(hit_with_sp(0), nullptr).find("green thread (unknown): its stack of 64 KiB [0x70001000, 0x70011000) is used up, fault at") ==
      0);
}

TEST_CASE("a long name does not push out the numbers and the advice") {
  const std::string text = text_of(hit_with_sp(0x7000'1010), talkative);
  CHECK(text.find("fault at 0x70000fff") != std::string::npos);
  CHECK(text.find("local arrays") != std::string::npos);
}

TEST_CASE("only addresses in a guard are hits, and the hit names the stack above it") {
  stack::Pool pool;
  REQUIRE(pool.start({}).has_value());
  REQUIRE(pool.reserve(stack::StackClass::k64K).has_value());
  const stack::Stack one = pool.bind(stack::StackClass::k64K);
  const auto low = reinterpret_cast<uintptr_t>(one.low);
  for (const uintptr_t inside : {low - 1, low - pool.guard_bytes()}) {
    const stack::GuardHit hit = stack::lookup_guard(pool, inside);
    CHECK(hit.hit);
    CHECK(hit.stack.low == one.low);
    CHECK(hit.guard_low == low - pool.guard_bytes());
    CHECK(hit.address == inside);
  }
  CHECK_FALSE(stack::lookup_guard(pool, low).hit);
  CHECK_FALSE(stack::lookup_guard(pool, 0).hit);
  pool.release(one, stack::StackClass::k64K);
}
