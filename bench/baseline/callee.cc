// SPDX-License-Identifier: MIT
//
// The C functions that the rows of calls call. They live in a shared object of their own, so that no compiler sees through them.
//
//   cw_bench_callee    adds one
//   cw_bench_ints, cw_bench_floats, cw_bench_struct, cw_bench_stack    what calls with run-time signatures call
//   cw_bench_through   a C frame between two others: calls p and gives its result back
//   cw_bench_frames    the same with so many frames
#define CW_BENCH_API extern "C" __attribute__((visibility("default")))

CW_BENCH_API int cw_bench_callee(int value);
CW_BENCH_API int cw_bench_through(int (*p)(int), int value);
CW_BENCH_API int cw_bench_frames(int (*p)(int), int value, int frames);

struct cw_bench_pair {
  double a;
  long b;
};
CW_BENCH_API int cw_bench_ints(int a, int b, int c);
CW_BENCH_API double cw_bench_floats(double a, double b, double c);
CW_BENCH_API cw_bench_pair cw_bench_struct(cw_bench_pair pair, int more);
CW_BENCH_API long cw_bench_stack(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j);

int cw_bench_ints(int a, int b, int c) { return a + b + c; }
double cw_bench_floats(double a, double b, double c) { return a + b + c; }
cw_bench_pair cw_bench_struct(cw_bench_pair pair, int more) { return {pair.a, pair.b + more}; }
long cw_bench_stack(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j) {
  return a + b + c + d + e + f + g + h + i + j;
}

int cw_bench_callee(int value) { return value + 1; }

int cw_bench_through(int (*p)(int), int value) {
  int result = p(value);
  asm volatile("" : "+r"(result));  // no tail call: the frame stays
  return result;
}

[[gnu::noinline]] int cw_bench_frames(int (*p)(int), int value, int frames) {  // else some of them are one
  int result = frames > 1 ? cw_bench_frames(p, value, frames - 1) : p(value);
  asm volatile("" : "+r"(result));
  return result;
}
