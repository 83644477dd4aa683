// SPDX-License-Identifier: MIT
//
// Rows handle-get: what the lookup of a handle of the user's costs, by one thread and by two at once that look up the same one.
//
// Isolated: cw_handle_get() through the shared library, of a live handle of the right kind; each result is used. In the same run, by as many
// threads at once: the plain call of row call/plain (plain_ns), so that what two threads take from each other on one core is in both.
#include <barrier>
#include <thread>
#include <vector>

#include "bench/causeway/rows.hpp"
#include "bench/common/calls.hpp"

extern "C" int cw_bench_callee(int value);

namespace bench {
namespace {

constexpr std::uint32_t kKind = 7;

void get_rounds(cw_handle handle, int* object, std::uint64_t rounds) {
  const volatile cw_handle kept = handle;  // as C would have it: loaded at each use
  int sum = 0;
  for (std::uint64_t i = 0; i < rounds; ++i) {
    void* p = nullptr;
    if (cw_handle_get(kept, kKind, &p) == CW_OK) { sum += p == object ? 1 : 0; }
  }
  must_have_counted(sum, rounds);
}

// Wall time for each round of each of `threads`, which all begin together.
template <class Work>
double ns_of_all(const Run& run, unsigned threads, const Work& work) {
  const std::uint64_t rounds = run.smoke ? 1'000 : 40'000'000;
  std::barrier<> begin(threads + 1);
  std::vector<std::thread> all;
  for (unsigned i = 0; i < threads; ++i) {
    all.emplace_back([&] {
      work(rounds / 100 + 1);
      begin.arrive_and_wait();
      work(rounds);
    });
  }
  begin.arrive_and_wait();
  const std::uint64_t start = now_ns();
  for (auto& thread : all) { thread.join(); }
  return static_cast<double>(now_ns() - start) / static_cast<double>(rounds);
}

}  // namespace

void handle_get_row(const Run& run) {
  const unsigned threads = run.variant == "one" ? 1 : 2;
  int object = 0;
  cw_handle handle = 0;
  if (cw_handle_create(&object, kKind, &handle) != CW_OK) { std::abort(); }
  const double plain = ns_of_all(run, threads, [](std::uint64_t rounds) { call_rounds(&cw_bench_callee, rounds); });
  const double get = ns_of_all(run, threads, [&](std::uint64_t rounds) { get_rounds(handle, &object, rounds); });
  cw_handle_release(handle, kKind);
  print(run, "causeway", get, 0, {{"plain_ns", plain}, {"loop_ns", loop_ns()}});
}

}  // namespace bench
