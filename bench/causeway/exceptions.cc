// SPDX-License-Identifier: MIT
//
// Row exception/tunnel: a callback throws, its C callers clean up and return, and the exception goes on from the call out below which they ran. Beside it, in the
// same run and on the same green thread, a plain throw and catch over the same functions (plain_ns): the C frames called without a crossing.
//
// Included: the call out, the call in, the object itself. Both ways throw the same object from the same function and read it in the handler. The C
// functions live in a shared object of their own and have unwind tables, without which the plain way would end the process.
#include <exception>

#include "bench/causeway/rows.hpp"
#include "bench/common/calls.hpp"

extern "C" int cw_bench_frames(int (*p)(int), int value, int frames);

namespace bench {
namespace {

constexpr int kFrames = 4;

struct Failed : std::exception {
  explicit Failed(int n) : number(n) {}
  int number;
};

[[gnu::noinline]] int fails(int value) {
  if (value >= 0) throw Failed(value + 1);
  return value;
}

void tunnelled(std::uint64_t rounds) {
  int (*volatile p)(int) = causeway::entry<&fails, causeway::on_exception::tunnel(-1)>;
  int s = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const Target function = p;
    try {
      causeway::call(cw_bench_frames, function, s, kFrames);
    } catch (const Failed& e) { s = e.number; }
  }
  must_have_counted(s, rounds);
}

void plain(std::uint64_t rounds) {
  int (*volatile p)(int) = &fails;
  int s = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const Target function = p;
    try {
      cw_bench_frames(function, s, kFrames);
    } catch (const Failed& e) { s = e.number; }
  }
  must_have_counted(s, rounds);
}

}  // namespace

void exception_row(const Run& run) {
  if (run.variant != "tunnel") { unknown_row(run); }
  causeway::runtime runtime{options_of(run)};
  double ns = 0, plain_ns = 0;
  on_green([&] {
    plain_ns = ns_per_round(run, plain);
    ns = ns_per_round(run, tunnelled);
  });
  print(run, "causeway", ns, 0, {{"plain_ns", plain_ns}, {"loop_ns", loop_ns()}});
}

}  // namespace bench
