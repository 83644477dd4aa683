// SPDX-License-Identifier: MIT
//
// Calls from Go to C: apart from the exports, because a file that exports may not define C functions.
package main

/*
extern int cw_bench_callee(int value);
extern int cw_bench_through(int (*p)(int), int value);
extern int goNext(int value);
static int through_go(int value) { return cw_bench_through(goNext, value); }
*/
import "C"

func mustHaveCounted(sum C.int, calls uint64) {
	if uint32(sum) != uint32(calls) {
		panic("a call was lost")
	}
}

func callOut(rounds uint64) {
	var sum C.int
	for range rounds {
		sum = C.cw_bench_callee(sum)
	}
	mustHaveCounted(sum, rounds)
}

func nested(rounds uint64) {
	var sum C.int
	for range rounds {
		sum = C.through_go(sum)
	}
	mustHaveCounted(sum, rounds)
}
