// SPDX-License-Identifier: MIT
//
// Row walk/frame-pointers: trace::walk() over 30 frames, per frame, and a plain call in the same run.
//
// Isolates the walk that samples make: frame pointers inside proven bounds, a stack in the first-level cache. A plain call is one of a function that is not
// inlined and does nothing, in a loop.
#include "bench/common/bench.hpp"

#include "runtime/trace/trace.hpp"

namespace {

constexpr int kFrames = 30;

[[gnu::noinline]] void nothing() { asm volatile(""); }

struct Work {
  std::uintptr_t high = 0;
  std::uint64_t walks = 0, frames = 0;
};

[[gnu::noinline]] void walk(Work& work) {
  std::uintptr_t pcs[kFrames];
  const auto fp = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  for (std::uint64_t i = 0; i < work.walks; ++i) { work.frames += causeway::trace::walk(1, fp, fp, work.high, pcs, kFrames); }
}

[[gnu::noinline]] void descend(Work& work, int calls) {
  if (calls == 0) walk(work);
  else descend(work, calls - 1);
  asm volatile("");
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Run run = bench::parse(argc, argv);
  if (run.subject != "walk") { bench::unknown_row(run); }
  Work work;
  work.high = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) + 64;
  const double ns = bench::ns_per_round(
      run,
      [&](std::uint64_t frames) {
        work.walks = frames / kFrames;
        work.frames = 0;
        descend(work, kFrames + 2);
        if (work.frames != work.walks * kFrames) { std::abort(); }
      },
      kFrames);
  const double plain = bench::ns_per_round(
      run,
      [](std::uint64_t calls) {
        for (std::uint64_t i = 0; i < calls; ++i) { nothing(); }
      },
      1);
  bench::print(run, "causeway", ns, 0, {{"plain_ns", plain}, {"loop_ns", bench::loop_ns()}});
  return 0;
}
