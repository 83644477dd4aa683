// SPDX-License-Identifier: MIT
//
// Guards: a walk that reads outside its bounds, never ends, or loses frames.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "arch/arch.hpp"
#include "runtime/os/os.hpp"
#include "runtime/trace/trace.hpp"
#include "tests/cpp/base/child.hpp"

using namespace causeway;

namespace {

struct Here {
  uintptr_t pc, fp, low, high;
};
Here here;

[[gnu::noinline]] void capture() {
  arch::Registers registers;
  cw_arch_capture(&registers);
  here.pc = registers.pc;
  here.fp = registers.fp;
}

// depth frames of this function, then `leaf`. The asm keeps the call from becoming a jump.
template <class Fn>
[[gnu::noinline]] void nest(int depth, const Fn& leaf) {
  if (depth == 0) {
    leaf();
  } else {
    nest(depth - 1, leaf);
  }
  __asm__ volatile("" ::: "memory");
}

size_t walk_here(uintptr_t low, uintptr_t high, uintptr_t* pcs, size_t n) { return trace::walk(here.pc, here.fp, low, high, pcs, n); }

}  // namespace

TEST_CASE("a walk of our own stack finds every frame, innermost first") {
  if (!arch::Cpu::kHasFrameRecords) return;
  uintptr_t low = 0, high = 0;
  REQUIRE(os::thread_stack_bounds(&low, &high));
  uintptr_t pcs[64] = {};
  size_t few = 0, many = 0;
  nest(3, [&] {
    capture();
    few = walk_here(low, high, pcs, 64);
  });
  CHECK(pcs[0] == here.pc);
  nest(23, [&] {
    capture();
    many = walk_here(low, high, pcs, 64);
  });
  CHECK(few > 5);
  CHECK(many == few + 20);
}

TEST_CASE("the caller's limit and the bounds end the walk") {
  uintptr_t low = 0, high = 0;
  REQUIRE(os::thread_stack_bounds(&low, &high));
  uintptr_t pcs[8] = {};
  nest(10, [&] {
    capture();
    CHECK(walk_here(low, high, pcs, 0) == 0);
    CHECK(walk_here(low, high, pcs, 1) == 1);
    if (arch::Cpu::kHasFrameRecords) CHECK(walk_here(low, high, pcs, 2) == 2);
    CHECK(walk_here(0, 0, pcs, 8) == 1);                                      // nothing may be read
    CHECK(walk_here(here.fp + 1, high, pcs, 8) == 1);                         // the frame begins below
    CHECK(walk_here(low, here.fp + 2 * sizeof(uintptr_t) - 1, pcs, 8) == 1);  // it ends above
  });
}

TEST_CASE("a stack of rubbish ends every walk without a fault") {
  // A page of chains that point down, at themselves, off the grid and out of the bounds, with a page that faults on each side.
  const size_t page = os::page_size();
  auto* memory = static_cast<unsigned char*>(os::map_reserve(3 * page));
  REQUIRE(memory != nullptr);
  REQUIRE(os::protect_none(memory, page));
  REQUIRE(os::protect_none(memory + 2 * page, page));
  auto* words = reinterpret_cast<uintptr_t*>(memory + page);
  const size_t n = page / sizeof(uintptr_t);
  const auto low = reinterpret_cast<uintptr_t>(words);
  const uintptr_t high = low + page;
  uint64_t random = 88172645463325252ULL;
  const auto next = [&] {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
  };
  size_t longest = 0;
  for (int round = 0; round < 2'000; ++round) {
    for (size_t i = 0; i < n; ++i) {
      switch (next() % 4) {
        case 0: words[i] = low + next() % page; break;  // anywhere, also off the grid
        case 1: words[i] = low + next() % n * sizeof(uintptr_t); break;
        case 2: words[i] = low - 64 + next() % (page + 128); break;  // also just outside
        default: words[i] = next();
      }
    }
    uintptr_t pcs[64];
    const size_t frames = trace::walk(1, low + next() % (page + 16), low, high, pcs, 64);
    REQUIRE(frames >= 1);
    REQUIRE(frames <= 64);
    if (frames > longest) longest = frames;
  }
  if (arch::Cpu::kHasFrameRecords) CHECK(longest > 2);  // else the rubbish tried nothing
  os::unmap(memory, 3 * page);
}

TEST_CASE("print_frames prints one numbered line for each frame, and keeps errno") {
  const auto end = test::run_child([] {
    uintptr_t low = 0, high = 0;
    if (!os::thread_stack_bounds(&low, &high)) _exit(1);
    int status = 2;
    nest(5, [&] {
      capture();
      errno = EDOM;
      const size_t lines = trace::print_frames(here.pc, here.fp, low, high, 4);
      if (errno == EDOM && lines == (arch::Cpu::kHasFrameRecords ? 4u : 1u)) status = 0;
    });
    _exit(status);
  });
  CHECK(end.exit_status == 0);
  CHECK(end.text.find("  #0 0x") == 0);
  if (arch::Cpu::kHasFrameRecords) CHECK(end.text.find("\n  #3 0x") != std::string::npos);
  CHECK(end.text.find("\n  #4 ") == std::string::npos);
  CHECK(end.text.find("+0x") != std::string::npos);
}
