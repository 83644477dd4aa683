// SPDX-License-Identifier: MIT
//
// poison: what is freed reads as 0xdb. That a write after it is reported: tests/cpp/death/poison.cc.
//
// Risk: a use after free that reads what it expects, because nobody has used the memory again yet.
#include "runtime/sched/sched.hpp"
#include "tests/cpp/sched/support.hpp"

namespace {

using namespace sched_test;
using causeway::spawn;
namespace poison = causeway::sched::poison;

// As somebody would who has kept a pointer for too long. The volatile keeps the compiler from knowing better.
bool reads_as_freed(const volatile unsigned char* at, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i)
    if (at[i] != poison::kByte) return false;
  return true;
}

volatile unsigned char* kept = nullptr;

// Not inlined: the compiler would see that what is kept does not live long enough, which is the point.
[[gnu::noinline]] void keep(volatile void* address) {
  asm volatile("" : "+r"(address));
  kept = static_cast<volatile unsigned char*>(address);
}

// The address of a frame of its own that it has filled; not of an object that a sanitizer may have moved off the stack.
[[gnu::noinline]] void leave_something_on_the_stack() {
  volatile unsigned char local[64];
  for (auto& byte : local) byte = 0x11;
  keep(static_cast<volatile unsigned char*>(__builtin_frame_address(0)) - 16);
}

}  // namespace

TEST_CASE("the pattern is whole, and only then") {
  struct Off {
    const bool before = poison::on();
    ~Off() { poison::set(before); }
  } restore;
  unsigned char memory[100] = {};
  CHECK(poison::untouched(memory, sizeof memory));
  poison::set(false);
  poison::freed(memory, sizeof memory);
  CHECK(memory[0] == 0);
  poison::set(true);
  poison::freed(memory + 1, sizeof memory - 2);
  CHECK(memory[0] == 0);
  CHECK(memory[99] == 0);
  CHECK(reads_as_freed(memory + 1, 98));
  CHECK(poison::untouched(memory + 1, 98));
  CHECK(!poison::untouched(memory, 99));
  for (const size_t at : {size_t{1}, size_t{8}, size_t{50}, size_t{97}, size_t{98}}) {
    CAPTURE(at);
    memory[at] = 0xda;
    CHECK(!poison::untouched(memory + 1, 98));
    memory[at] = poison::kByte;
  }
}

TEST_CASE("the stack of an ended green thread reads as freed") {
  Runtime runtime(1, "poison");
  spawn([] {
    spawn([] { leave_something_on_the_stack(); }).join();
    CHECK(reads_as_freed(kept, 16));
  }).join();
}

TEST_CASE("without the mode it still reads as it was left") {
  if (poison::on()) return;  // a run in which the environment sets it
  Runtime runtime(1);
  if (poison::on()) return;
  spawn([] {
    spawn([] { leave_something_on_the_stack(); }).join();
    CHECK(!reads_as_freed(kept, 16));
  }).join();
}

TEST_CASE("the closure of an ended green thread reads as freed") {
  Runtime runtime(1, "poison");
  spawn([] {
    struct Capture {
      unsigned char bytes[32] = {0x22};
    };
    causeway::event over;
    causeway::go([capture = Capture{}, &over]() mutable {  // detached: it runs where it lies, in the record
      keep(capture.bytes);
      over.set();
    });
    over.wait();
    causeway::this_green::yield();  // it ends
    CHECK(reads_as_freed(kept, 32));
  }).join();
}

TEST_CASE("stacks and records are used again and again under poison, whole pages were returned in between or not") {
  Runtime runtime(2, "poison");
  for (int round = 0; round < 3; ++round) {
    causeway::wait_group all;
    for (int i = 0; i < 500; ++i) {
      all.add();
      causeway::go([&all, i] {
        volatile unsigned char room[3000];
        room[static_cast<size_t>(i) % sizeof room] = 1;
        if (i % 3 == 0) causeway::this_green::yield();
        all.done();
      });
    }
    all.wait();
    causeway::sched::scheduler().stacks.release_all_free();
  }
}
