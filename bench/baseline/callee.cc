// SPDX-License-Identifier: MIT
//
// The C functions that the rows of calls call. They live in a shared object of their own, so that no compiler sees through them.
//
//   cw_bench_callee    adds one
//   cw_bench_through   a C frame between two others: calls p and gives its result back
#define CW_BENCH_API extern "C" __attribute__((visibility("default")))

CW_BENCH_API int cw_bench_callee(int value);
CW_BENCH_API int cw_bench_through(int (*p)(int), int value);

int cw_bench_callee(int value) { return value + 1; }

int cw_bench_through(int (*p)(int), int value) {
  int result = p(value);
  asm volatile("" : "+r"(result));  // no tail call: the frame stays
  return result;
}
