// SPDX-License-Identifier: MIT
//
// The function that a plain call calls. It lives in a shared object of its own, so that the compiler cannot see through it.
extern "C" __attribute__((visibility("default"))) int cw_bench_callee(int value);

int cw_bench_callee(int value) { return value + 1; }
